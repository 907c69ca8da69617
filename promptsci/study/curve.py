"""Learning curves: each method on growing train sets, and where one overtakes another.

The train sets are nested: with one seed, the rows of a smaller set are among those of the larger ones (save for labels
too rare for the smaller, see ``data.stratified``), so that a curve rises by new rows and not by other ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from promptsci.errors import SpecError
from promptsci.runs import RunFolder
from promptsci.study.saved import Savings, savings

ALL = "all"


@dataclass(frozen=True)
class CurvePoint:
    """A method on a train set of a size.

    Attributes:
        size: labelled rows.
        value: the main metric, the mean over seeds.
        low: the lowest over seeds, or the end of the interval over rows where there is one seed.
        high: likewise the highest.
        seeds: how many runs it is the mean of.
        training_s: seconds of training, the mean.
    """

    size: int
    value: float
    low: float
    high: float
    seeds: int
    training_s: float


@dataclass(frozen=True)
class Crossing:
    """Where ``above`` overtakes ``below``, in labelled rows, between two sizes that were measured."""

    below: str
    above: str
    size: int
    between: tuple[int, int]


@dataclass(frozen=True)
class Curve:
    """The curves of several methods.

    Attributes:
        task: the task's name.
        metric: the metric that was measured.
        points: by method, in the order of size.
        crossings: where one method overtakes another for good.
        notes: what is missing.
        savings: what sources are worth, of methods that begin with one.
    """

    task: str
    metric: str
    points: Mapping[str, tuple[CurvePoint, ...]]
    crossings: tuple[Crossing, ...]
    notes: tuple[str, ...]
    savings: tuple[Savings, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values by name; of each saving also the labels."""
        worth = [
            {**asdict(one), "sizes": [{**asdict(each), "labels": each.labels} for each in one.sizes]}
            for one in self.savings
        ]
        return {**asdict(self), "savings": worth}


def read_sizes(text: str, n_train: int) -> list[int]:
    """The sizes in ``8,32,128,all``, rising; sizes beyond the train split mean all of it.

    Raises:
        SpecError: a size is no number, or below 1.
    """
    sizes = set()
    for part in text.split(","):
        word = part.strip()
        if word != ALL and not (word.isdigit() and int(word)):
            raise SpecError(f"sizes: '{word}' is no number of rows", fix="Write sizes=8,32,128,all.")
        sizes.add(n_train if word == ALL else min(int(word), n_train))
    return sorted(sizes)


def curve(
    runs: Mapping[str, Mapping[int, Sequence[RunFolder]]],
    notes: Sequence[str] = (),
    begun: Mapping[str, str] | None = None,
) -> Curve:
    """The curves of finished Runs.

    Args:
        runs: method -> size of the train set -> its Runs, one a seed.
        notes: what is missing.
        begun: method that begins with a source -> the same from nothing.
    """
    first = next(folder for sizes in runs.values() for folders in sizes.values() for folder in folders)
    scores, record = first.read_scores(), first.read_run()
    points = {
        method: tuple(_point(size, folders, scores["main"]) for size, folders in sorted(sizes.items()) if folders)
        for method, sizes in runs.items()
    }
    saved = [
        savings(method, source, runs.get(method, {}), runs.get(source, {})) for source, method in (begun or {}).items()
    ]
    said = [*notes, *(note for _, untold in saved for note in untold)]
    worth = tuple(one for one, _ in saved if one is not None)
    return Curve(record["task"], scores["main"], points, tuple(crossings(points)), tuple(said), worth)


def _point(size: int, folders: Sequence[RunFolder], main: str) -> CurvePoint:
    found = [folder.read_scores()["metrics"][main] for folder in folders]
    values = [each["value"] for each in found]
    training = [(folder.read_run().get("training") or {}).get("seconds", 0.0) for folder in folders]
    alone = len(found) == 1
    return CurvePoint(
        size=size,
        value=fmean(values),
        low=found[0]["low"] if alone else min(values),
        high=found[0]["high"] if alone else max(values),
        seeds=len(found),
        training_s=fmean(training),
    )


def crossings(points: Mapping[str, Sequence[CurvePoint]]) -> list[Crossing]:
    """Where methods overtake each other for good: the last change of sign between sizes that both have.

    Between two sizes the curves are straight in the logarithm of the size.
    """
    found = []
    names = list(points)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            crossing = _crossing(one, other, points)
            if crossing:
                found.append(crossing)
    return sorted(found, key=lambda each: each.size)


def _crossing(one: str, other: str, points: Mapping[str, Sequence[CurvePoint]]) -> Crossing | None:
    a, b = ({point.size: point.value for point in points[name]} for name in (one, other))
    sizes = sorted(a.keys() & b.keys())
    gaps = [a[size] - b[size] for size in sizes]
    for at in range(len(sizes) - 1, 0, -1):
        if gaps[at] * gaps[at - 1] < 0:
            share = gaps[at - 1] / (gaps[at - 1] - gaps[at])
            low, high = math.log(sizes[at - 1]), math.log(sizes[at])
            size = round(math.exp(low + share * (high - low)))
            below, above = (other, one) if gaps[at] > 0 else (one, other)
            return Crossing(below, above, size, (sizes[at - 1], sizes[at]))
    return None
