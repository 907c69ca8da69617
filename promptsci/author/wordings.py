"""The three wordings that a new task starts with: the text of their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from promptsci.author.answers import Answer
from promptsci.spec import FORMS

MARKS = ("{{", "{%", "{#")
TOKENS_A_WORD = 3
"""Room for an answer: words of science fall into more tokens than others."""
LISTED = ["{% for words in choices %}", "- {{ words }}", "{% endfor %}"]
OPTIONS = ["{% for option in choices %}", "{{ letters[loop.index0] }}. {{ option }}", "{% endfor %}"]
HOW: Mapping[str, str] = {
    "label": 'Answer with one of: {{ choices | join(", ") }}.',
    "labels": 'Choose any of: {{ choices | join(", ") }}.\nWrite them with commas between, or none.',
    "options": "Answer with the letter of the right option.",
    "number": "Write a number from {{ low }} to {{ high }}.",
    "spans": 'Write a JSON object with a list for each of these types that occurs: {{ choices | join(", ") }}.',
    "references": "",
    "phrases": 'Write "{{ separator }}" between them.',
    "relevance": 'Answer with one of: {{ choices | join(", ") }}.',
}
"""Form of the answer -> how it is to be given."""
LISTS: Mapping[str, Sequence[str]] = {
    "label": ("The answers are:", *LISTED),
    "labels": ("Write those that fit with commas between, or none:", *LISTED),
    "spans": ("Write a JSON object with a list for each of these types that occurs:", *LISTED),
}
"""The same with the labels one a line, where there are any."""


def wordings(question: str, fields: Mapping[str, str], answer: Answer, cue: str) -> dict[str, str]:
    """Wording -> text of its file: ``plain``, ``terse``, and ``listed`` where there are labels, otherwise ``after``.

    Args:
        question: the instruction, in one sentence.
        fields: template variable -> what it is called in front of its value.
        answer: what the right answers are.
        cue: what stands before the answer, without the colon.
    """
    options = OPTIONS if answer.form == "options" else []
    named = [*(f"{title}: {{{{ {name} }}}}" for name, title in fields.items()), *options, f"{cue}:"]
    bare = [*(f"{{{{ {name} }}}}" for name in fields), *options, f"{cue}:"]
    asked, how = literal(question), HOW[answer.form]
    told = [asked, *([how] if how else [])]
    found = {
        "plain": _file("One plain question about one row.", answer, told, named),
        "terse": _file("No instruction; the shots must say it all.", answer, [], bare),
    }
    if answer.form in LISTS:
        about = "The answers stand one a line, where a few words on each can be added."
        return {**found, "listed": _file(about, answer, [asked, *LISTS[answer.form]], named)}
    return {**found, "after": _file("The question stands behind the row.", answer, [], [*named[:-1], *told, named[-1]])}


def _file(about: str, answer: Answer, instruction: Sequence[str], query: Sequence[str]) -> str:
    front: dict[str, object] = {"about": about}
    if answer.words:
        front["choices"] = dict(answer.words)
    if FORMS[answer.form].is_written:
        if answer.is_one_line and answer.form != "spans":
            front["stop"] = ["\n"]
        front["max_tokens"] = max(8, TOKENS_A_WORD * answer.longest)
    said = "letter" if answer.form == "options" else FORMS[answer.form].answers[0]
    asked = block("instruction", "\n".join(instruction))
    target = f"{{% block target %}}{{{{ {said} }}}}{{% endblock %}}"
    return "\n".join([front_matter(front), asked, block("input", "\n".join(query)), target, ""])


def front_matter(values: Mapping[str, object]) -> str:
    """The YAML between two ``---`` lines."""
    written = yaml.dump(
        dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )
    return f"---\n{written}---"


class _Dumper(yaml.SafeDumper):
    r"""Writes the end of a line as ``"\\n"``, and not as an empty line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\n" in text else None)


_Dumper.add_representer(str, _text)


def block(name: str, body: str) -> str:
    """A block whose body stands on lines of its own."""
    inner = f"\n{body}\n" if body else ""
    return f"{{% block {name} %}}{inner}{{% endblock %}}"


def literal(text: str) -> str:
    """Text that Jinja shows as it stands."""
    return f"{{% raw %}}{text}{{% endraw %}}" if any(mark in text for mark in MARKS) else text
