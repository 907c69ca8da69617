"""How many labels a source saves: a method that begins with another task's weights against the same from nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from promptsci.compare import Difference, read_candidate
from promptsci.compare.differences import ALPHA, differences
from promptsci.compare.eligible import share
from promptsci.compare.grouping import RunGroup
from promptsci.compare.paired import holm
from promptsci.errors import RunError
from promptsci.runs import RunFolder

Runs = Mapping[int, Sequence[RunFolder]]


@dataclass(frozen=True)
class Saving:
    """What a source is worth at one size of the train set.

    Attributes:
        size: labelled rows.
        value: score that begins with the source, the mean over seeds.
        nothing: score from nothing.
        change: the first minus the second.
        low: end of its paired interval over rows.
        high: the other end.
        p_holm: of a paired randomisation test, corrected for all sizes.
        shown: whether the source is shown to be better.
        needed: labelled rows with which nothing is as good, a straight line in the logarithm between sizes that were
            measured; None where none of them is.
        most: the largest size that was measured from nothing.
    """

    size: int
    value: float
    nothing: float
    change: float
    low: float
    high: float
    p_holm: float
    shown: bool
    needed: int | None
    most: int

    @property
    def labels(self) -> int:
        """Labels saved: at least so many where ``needed`` is not known; 0 where nothing is shown."""
        return (self.most if self.needed is None else self.needed) - self.size if self.shown else 0


@dataclass(frozen=True)
class Savings:
    """What a source is worth, size by size."""

    method: str
    source: str
    sizes: tuple[Saving, ...]


def savings(method: str, source: str, nothing: Runs, begun: Runs) -> tuple[Savings | None, list[str]]:
    """What a source is worth at each size that both were measured at, and what must be said where it cannot be told.

    Args:
        method: as it is called from nothing.
        source: as it is called with the source.
        nothing: size -> finished Runs from nothing, one a seed.
        begun: size -> those that begin with the source.
    """
    sizes = [size for size in sorted(nothing.keys() & begun.keys()) if nothing[size] and begun[size]]
    if not sizes:
        return None, [f"no size was measured both for {method} and for {source}"]
    try:
        found = {size: _difference(nothing[size], begun[size]) for size in sizes}
    except RunError as error:
        return None, [f"it cannot be told how many labels {source} saves: {error.what}"]
    adjusted = holm({str(size): one.p for size, (one, _) in found.items()})
    judged = {
        size: (replace(one, p_holm=adjusted[str(size)]).judged(ALPHA), sign) for size, (one, sign) in found.items()
    }
    line = [(size, _mean(nothing[size])) for size in sorted(nothing) if nothing[size]]
    told = []
    for size, (one, sign) in judged.items():
        value = _mean(begun[size])
        better = one.shown and sign * one.value.value > 0
        needed = needs([(at, sign * score) for at, score in line], sign * value, size)
        told.append(
            Saving(
                size, value, _mean(nothing[size]), one.value.value, one.value.low, one.value.high, one.p_holm, better,
                needed, line[-1][0],
            )
        )  # fmt: skip
    return Savings(method, source, tuple(told)), []


def _difference(nothing: Sequence[RunFolder], begun: Sequence[RunFolder]) -> tuple[Difference, float]:
    """The paired difference of two sets of runs, and the sign that makes more of it better."""
    runs = share([read_candidate(folder) for folder in (*nothing, *begun)]).runs
    metric = str(runs[0].record["metrics"][0])
    if metric not in runs[0].judged.metrics:
        raise RunError(f"the metric '{metric}' is computed from whole rows, so that no paired test can be made of it")
    place = {run.folder.path: number for number, run in enumerate(runs)}

    def group(name: str, folders: Sequence[RunFolder]) -> RunGroup:
        members = [place[folder.path] for folder in folders]
        keys = [(str(runs[one].record["template"]), int(runs[one].record["seed"])) for one in members]
        return RunGroup(name, name, tuple(members), tuple(keys))

    (found,) = differences([run.judged for run in runs], metric, [(group("source", begun), group("nothing", nothing))])
    return found, 1.0 if runs[0].judged.metrics[metric].higher_is_better else -1.0


def _mean(folders: Sequence[RunFolder]) -> float:
    scores = [folder.read_scores() for folder in folders]
    return math.fsum(one["metrics"][one["main"]]["value"] for one in scores) / len(scores)


def needs(line: Sequence[tuple[int, float]], value: float, size: int) -> int | None:
    """From which size on, and not before another, a line reaches a value; None where it never does.

    Args:
        line: (size, score) rising in size; more is better.
        value: to be reached.
        size: below which nobody looks.
    """
    ahead = [point for point in line if point[0] >= size]
    if ahead and ahead[0][1] >= value:
        return ahead[0][0]
    for (low, below), (high, above) in itertools.pairwise(ahead):
        if below < value <= above:
            part = (value - below) / (above - below)
            return round(math.exp(math.log(low) + part * (math.log(high) - math.log(low))))
    return None
