"""The three wordings that a new classification task starts with: the text of their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

MARKS = ("{{", "{%", "{#")


def wordings(question: str, fields: Mapping[str, str], words: Mapping[str, str], cue: str) -> dict[str, str]:
    """Wording -> text of its file: ``plain``, ``terse`` and ``listed``.

    Args:
        question: the instruction, in one sentence.
        fields: template variable -> what it is called in front of its value.
        words: label -> words that the model scores.
        cue: what stands before the answer, without the colon.
    """
    named = [f"{title}: {{{{ {name} }}}}" for name, title in fields.items()]
    bare = [f"{{{{ {name} }}}}" for name in fields]
    asked = literal(question)
    listed = ["{% for words in choices %}", "- {{ words }}", "{% endfor %}"]
    return {
        "plain": _file(
            "One plain question about one row.", words,
            [asked, 'Answer with one of: {{ choices | join(", ") }}.'], [*named, f"{cue}:"],
        ),
        "terse": _file("No instruction; the shots must say it all.", words, [], [*bare, f"{cue}:"]),
        "listed": _file(
            "The answers stand one a line, where a few words on each can be added.", words,
            [asked, "The answers are:", *listed], [*named, f"{cue}:"],
        ),
    }  # fmt: skip


def _file(about: str, words: Mapping[str, str], instruction: Sequence[str], query: Sequence[str]) -> str:
    front = front_matter({"about": about, "choices": dict(words)})
    asked = block("instruction", "\n".join(instruction))
    return "\n".join(
        [front, asked, block("input", "\n".join(query)), "{% block target %}{{ choice }}{% endblock %}", ""]
    )


def front_matter(values: Mapping[str, object]) -> str:
    """The YAML between two ``---`` lines."""
    written = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)
    return f"---\n{written}---"


def block(name: str, body: str) -> str:
    """A block whose body stands on lines of its own."""
    inner = f"\n{body}\n" if body else ""
    return f"{{% block {name} %}}{inner}{{% endblock %}}"


def literal(text: str) -> str:
    """Text that Jinja shows as it stands."""
    return f"{{% raw %}}{text}{{% endraw %}}" if any(mark in text for mark in MARKS) else text
