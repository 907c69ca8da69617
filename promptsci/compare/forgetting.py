"""What tuning on one task after another did to the earlier ones: the matrix of scores, and what it comes to.

A row is a step of the chain, a column a task; a cell is the score on the task's test split with the weights of the
step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from promptsci.compare.change import change
from promptsci.compare.differences import ALPHA
from promptsci.compare.paired import holm
from promptsci.errors import RunError
from promptsci.runs import RunFolder


@dataclass(frozen=True)
class Cell:
    """A score with its interval, and the Run that it is of."""

    value: float
    low: float
    high: float
    run_dir: str


@dataclass(frozen=True)
class Column:
    """A task of the chain.

    Attributes:
        task: its name.
        metric: by which it is judged.
        higher_is_better: of the metric.
        split: that is scored.
        n: rows.
        learned: numbers of the steps that learned it, from 0.
    """

    task: str
    metric: str
    higher_is_better: bool
    split: str
    n: int
    learned: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """A tuning of the chain: its adapter's name, how it held on to earlier tasks, and what it learned."""

    name: str
    keep: str | None
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What became of an earlier task since it was learned last: a paired difference, corrected for all of them."""

    task: str
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    shown: bool


@dataclass(frozen=True)
class Forgetting:
    """The matrix of a chain, and what it comes to; all differences are such that more is better.

    Attributes:
        columns: the tasks, in the order in which they were learned first.
        steps: the tunings.
        base: score of each task with the base, prompted; None where there is none.
        cells: step -> task -> score; None where it was not measured.
        changes: of each earlier task since it was learned last.
        average: mean of the last row.
        backward_transfer: mean over earlier tasks of the last score minus that of the step that learned it last.
        forgetting: mean over earlier tasks of the best score of an earlier step minus the last one.
        forward_transfer: mean over tasks but those of the first step of the score just before minus the base's.
        notes: what must be said.
    """

    columns: tuple[Column, ...]
    steps: tuple[Step, ...]
    base: tuple[Cell | None, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    changes: tuple[Change, ...]
    average: float | None
    backward_transfer: float | None
    forgetting: float | None
    forward_transfer: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


Scores = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Sums:
    """What a matrix of scores comes to, by the formulas of the papers.

    Source:
        Lopez-Paz and Ranzato 2017, arXiv 1706.08840, equations 2 to 4, where the score before anything is learned is
        that of prompting the base. Forgetting: Chaudhry et al. 2018, arXiv 1801.10112, equation 4, with scores instead
        of shares of right answers.

    Attributes:
        scores: step -> task -> score, of which more is better; None where it is not known.
        learned: task -> the steps that learned it.
        base: score of each task before the first step.
    """

    scores: Scores
    learned: Sequence[Sequence[int]]
    base: Sequence[float | None]

    @property
    def last(self) -> int:
        """The number of the last step."""
        return len(self.scores) - 1

    def average(self) -> float | None:
        """Mean of the last scores."""
        return _mean(self.scores[self.last])

    def backward_transfer(self) -> float | None:
        """Mean over earlier tasks of the last score minus that of the step that learned the task last."""
        return self._over_earlier(lambda task: self.scores[max(self.learned[task])][task])

    def forgetting(self) -> float | None:
        """Mean over earlier tasks of the best score since the task was learned minus the last one."""
        lost = self._over_earlier(self._best)
        return None if lost is None else 0.0 - lost  # not -0.0

    def forward_transfer(self) -> float | None:
        """Mean over tasks that were not in the first step of the score just before minus the base's."""
        found = []
        for task, steps in enumerate(self.learned):
            if min(steps) > 0:
                found.append(_minus(self.scores[min(steps) - 1][task], self.base[task]))
        return _mean(found)

    def _best(self, task: int) -> float | None:
        seen = [self.scores[step][task] for step in range(min(self.learned[task]), self.last)]
        return max((score for score in seen if score is not None), default=None)

    def _over_earlier(self, before: Callable[[int], float | None]) -> float | None:
        earlier = [task for task, steps in enumerate(self.learned) if max(steps) < self.last]
        return _mean([_minus(self.scores[self.last][task], before(task)) for task in earlier])


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, where there are values and all are known."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def forgetting(
    columns: Sequence[Column],
    steps: Sequence[Step],
    base: Sequence[Cell | None],
    cells: Sequence[Sequence[Cell | None]],
    notes: Sequence[str] = (),
) -> Forgetting:
    """The matrix with what it comes to.

    Args:
        columns: the tasks.
        steps: the tunings.
        base: score of each task with the base.
        cells: step -> task -> score.
        notes: what must be said.

    Raises:
        RunError: a Run cannot be read any more.
    """
    changes, untested = _changes(columns, cells)
    signs = [1.0 if column.higher_is_better else -1.0 for column in columns]
    signed = [
        [None if one is None else sign * one.value for sign, one in zip(signs, row, strict=True)] for row in cells
    ]
    before = [None if one is None else sign * one.value for sign, one in zip(signs, base, strict=True)]
    sums = Sums(signed, [column.learned for column in columns], before)
    return Forgetting(
        tuple(columns), tuple(steps), tuple(base), tuple(map(tuple, cells)), changes,
        sums.average(), sums.backward_transfer(), sums.forgetting(), sums.forward_transfer(),
        (*notes, *untested, *_said(columns)),
    )  # fmt: skip


def _said(columns: Sequence[Column]) -> list[str]:
    """What must be said of means over tasks."""
    metrics = {column.metric for column in columns}
    if len(metrics) == 1:
        return []
    lower = [column.metric for column in columns if not column.higher_is_better]
    turned = f"; {', '.join(dict.fromkeys(lower))} with its sign turned, as less of it is better" if lower else ""
    return [f"means are over different metrics ({', '.join(sorted(metrics))}){turned}"]


def _changes(
    columns: Sequence[Column], cells: Sequence[Sequence[Cell | None]]
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """The change of each earlier task since it was learned last, and why there is none where there is none."""
    found, untested = {}, []
    for place, column in enumerate(columns):
        before, after = cells[max(column.learned)][place], cells[-1][place]
        if max(column.learned) == len(cells) - 1 or before is None or after is None:
            continue
        try:
            found[column.task] = change(RunFolder(Path(before.run_dir)), RunFolder(Path(after.run_dir)))
        except RunError as error:
            untested.append(f"the change of {column.task} is not tested: {error.what}")
    adjusted = holm({task: one.p for task, one in found.items()})
    tested = {task: replace(one, p_holm=adjusted[task]).judged(ALPHA) for task, one in found.items()}
    return tuple(
        Change(task, one.value.value, one.value.low, one.value.high, one.p, one.p_holm, one.shown)
        for task, one in tested.items()
    ), tuple(untested)
