"""What is wrong with one file: like problems told once, with their number, and all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promptsci.errors import DataError, raise_all

SHOWN = 5
WORD = 60


@dataclass
class _Finding:
    line: int
    fix: str
    count: int = 1


class Findings:
    """Problems of one file. A million rows with the same mistake are one problem.

    Attributes:
        streaming: whether what cannot be read is left out row by row, instead of refusing the file in the end.
    """

    streaming = False

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.total = 0
        self._shown: dict[str, _Finding] = {}

    def add(self, what: str, line: int, fix: Callable[[], str] | None = None) -> None:
        """Takes note of a problem; ``fix`` is called only if the problem will be shown (nearest spellings are dear)."""
        self.total += 1
        known = self._shown.get(what)
        if known is not None:
            known.count += 1
        elif len(self._shown) < SHOWN:
            self._shown[what] = _Finding(line, fix() if fix is not None else "")

    def raise_any(self) -> None:
        """Nothing when nothing was found.

        Raises:
            DataError: one kind of problem, with the line of the first.
            Problems: several; five are shown and the rest counted.
        """
        problems = [
            DataError(
                what if found.count == 1 else f"{what} ({found.count} rows; this is the first)",
                where=f"{self.origin}:{found.line}",
                fix=found.fix or None,
            )
            for what, found in self._shown.items()
        ]
        hidden = self.total - sum(found.count for found in self._shown.values())
        if hidden:
            problems.append(DataError(f"{self.total} problems in all; the first {SHOWN} are shown", where=self.origin))
        raise_all(problems)


def short(word: str) -> str:
    """The word, cut to a length that fits a message."""
    return word if len(word) <= WORD else word[: WORD - 1] + "…"
