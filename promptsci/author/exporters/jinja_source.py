"""A block's Jinja in words that any Jinja reads alike: ours trims the lines of statements, and the ends of blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from promptsci.spec import Template
from promptsci.spec.sandbox import environment
from promptsci.spec.task import read_text
from promptsci.spec.template import EDGE, split_front

_PLAIN = {
    "block_begin": "{%",
    "block_end": "%}",
    "variable_begin": "{{",
    "variable_end": "}}",
    "raw_begin": "{% raw %}",
    "raw_end": "{% endraw %}",
    "comment_begin": "",
    "comment": "",
    "comment_end": "",
}
_TRIM = "{% filter trim(" + json.dumps(EDGE) + ") %}"
Token = tuple[str, str]


def block_source(template: Template, block: str) -> str | None:
    """The Jinja of a block for an environment that trims nothing; None where it leans on what stands above the blocks.

    White space at the two ends is left out as our renderer leaves it out: in the source where words stand there, by a
    filter where only the render knows.
    """
    _, _, body = split_front(read_text(template.path), template.path)
    tokens = [(kind, text) for _, kind, text in environment().lexer.tokeniter(body, None)]
    inner, outer = _around(tokens, block)
    if any(kind.endswith("_begin") and kind != "comment_begin" for kind, _ in outer):
        return None
    text = "".join(_PLAIN.get(kind, text) for kind, text in inner)
    stripped = text.strip(EDGE)
    words = [(kind, text) for kind, text in inner if _PLAIN.get(kind, text).strip(EDGE)]
    is_bare = not words or (words[0][0] == "data" and words[-1][0] == "data")
    return stripped if is_bare else f"{_TRIM}{stripped}{{% endfilter %}}"


def _around(tokens: Sequence[Token], block: str) -> tuple[list[Token], list[Token]]:
    """The tokens inside the block, and those outside all blocks."""
    inner: list[Token] = []
    outer: list[Token] = []
    here: str | None = None
    for statement in _statements(tokens):
        names = [text for kind, text in statement if kind == "name"][:2]
        if statement[0][0] == "block_begin" and names[:1] == ["block"]:
            here = names[1]
        elif statement[0][0] == "block_begin" and names[:1] == ["endblock"]:
            here = None
        elif here is None:
            outer += statement
        elif here == block:
            inner += statement
    return inner, outer


def _statements(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yields each ``{% ... %}`` as one list of tokens, and every other token by itself."""
    statement: list[Token] = []
    for token in tokens:
        if token[0] == "block_begin" or statement:
            statement.append(token)
            if token[0] == "block_end":
                yield statement
                statement = []
        else:
            yield [token]


def literal_list(words: Sequence[str]) -> str:
    """A Jinja list of texts."""
    return json.dumps(list(words), ensure_ascii=False)


def literal(text: str) -> str:
    """Text that Jinja shows as it stands."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if "{" in text else text
