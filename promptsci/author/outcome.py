"""How one test of a wording came out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

State = Literal["passed", "changed", "missing", "left over", "failed", "written", "removed"]


@dataclass(frozen=True)
class Outcome:
    """One thing that was tested: a golden render, or a case of the front matter.

    Attributes:
        task: name of the task.
        template: ``folder/wording``.
        what: ``golden, 2 shots`` or ``expect 1``.
        where: the golden file, or the line of the case.
        state: how it came out.
        details: a unified diff, or what is wrong.
    """

    task: str
    template: str
    what: str
    where: str
    state: State
    details: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ("passed", "written", "removed")

    def to_json(self) -> dict[str, str]:
        """The outcome by name."""
        return dict(vars(self))


def diff(before: str, after: str) -> str:
    """The lines that differ, as a unified diff without its two head lines."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return "\n".join(list(lines)[2:])
