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
