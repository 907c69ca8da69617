"""What check finds: a Finding has a stable code, a place in a file, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from promptsci.errors import PromptsciError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""``error``: it cannot run or the numbers would be wrong. ``warning``: a known trap. ``note``: good to know."""

_WHERE = re.compile(r"(?P<file>.*?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?", re.DOTALL)
_QUOTED = re.compile(r"'([^']+)'")


class Place(NamedTuple):
    """Where a finding stands; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """``file:line:column``, as editors want it, the file seen from the current folder."""
        return f"{self.shown_file}:{self.line}:{self.column}"

    @property
    def shown_file(self) -> str:
        """The file as seen from the current folder, where it lies below it."""
        path = Path(self.file)
        here = Path.cwd()
        return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else self.file


class Hit(NamedTuple):
    """What one rule found: the place, what is wrong there, and the change that mends it."""

    place: Place
    what: str
    fix: str | None = None


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong in a task, a template or data."""

    place: Place
    code: str
    severity: Severity
    what: str
    fix: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        file, line, column = self.place.shown_file, self.place.line, self.place.column
        return {
            "code": self.code,
            "severity": self.severity,
            "file": file,
            "line": line,
            "column": column,
            "what": self.what,
            "fix": self.fix,
        }


def column_of(lines: tuple[str, ...], line: int, word: str | None) -> int:
    """The column at which a word stands on a line (1 where it does not), as Jinja's syntax tree knows lines only."""
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if word is None:
        return len(text) - len(text.lstrip()) + 1
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) or re.search(re.escape(word), text)
    return found.start() + 1 if found else 1


def place_of(error: PromptsciError, file: str, lines: tuple[str, ...] = ()) -> Place:
    """The place that an error names, its column that of the first word that it quotes.

    Args:
        error: what was raised.
        file: where it is filed when the error names no place.
        lines: of the file.
    """
    found = _WHERE.fullmatch(error.where or file)
    assert found is not None, "the form matches any text"
    line = int(found["line"] or 1)
    if found["column"]:
        return Place(found["file"], line, int(found["column"]))
    quoted = _QUOTED.search(error.what)
    is_known = found["line"] is not None and quoted is not None
    column = column_of(lines, line, quoted[1]) if is_known and quoted and found["file"] == file else 1
    return Place(found["file"], line, column)
