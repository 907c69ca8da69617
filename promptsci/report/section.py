"""One table of text, the same for terminal and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True)
class Section:
    """One table: a title, columns with how their cells are aligned, rows of cells, and which rows stand out."""

    title: str
    columns: Mapping[str, Align]
    rows: Sequence[Sequence[str]]
    bold: Sequence[bool]


def markdown_table(section: Section) -> str:
    """The table as Markdown, without its title."""
    lines = [
        [markdown(title) for title in section.columns],
        ["--:" if align == "right" else ":--" for align in section.columns.values()],
    ]
    for cells, bold in zip(section.rows, section.bold, strict=True):
        lines.append([f"**{markdown(cell)}**" if bold and cell else markdown(cell) for cell in cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def markdown(text: str) -> str:
    """Text in which no sign means anything to Markdown."""
    for sign in ("\\", "|", "*", "_", "<", "`"):
        text = text.replace(sign, f"\\{sign}")
    return text
