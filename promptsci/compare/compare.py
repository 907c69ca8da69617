"""The story of ``compare``: finished Runs -> the same rows -> methods -> differences with tests -> one record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from promptsci.compare.comparison import Comparison, Difference, Method, MetricCard, Published
from promptsci.compare.differences import Draws, differences
from promptsci.compare.eligible import Candidate, Shared, share
from promptsci.compare.grouping import RunGroup, group_runs
from promptsci.compare.methods import describe
from promptsci.compare.paired import EXCHANGES, RESAMPLES
from promptsci.compare.robustness import clean_runs, robustness
from promptsci.errors import RunError, SpecError, did_you_mean
from promptsci.score.outcomes import BoolArray, IntArray

RowChoice = Literal["all", "unseen", "seen"]
LEVEL = 0.05
FEW_ROWS = 30
_BASELINES = ("majority", "zero-shot")


@dataclass(frozen=True)
class Question:
    """What a comparison is asked.

    Args:
        metric: the one that decides; by default the task's first.
        baseline: the method that others are measured against; by default majority, else zero-shot, else the worst.
        rows: which rows decide.
        each: whether every run is a row of its own.
        on_shared: whether Runs on different rows are compared on the rows that all have.
        resamples: of the bootstrap.
        exchanges: of the randomisation test.
        seed: of both.
    """

    metric: str | None = None
    baseline: str | None = None
    rows: RowChoice = "all"
    each: bool = False
    on_shared: bool = False
    resamples: int = RESAMPLES
    exchanges: int = EXCHANGES
    seed: int = 0

    @property
    def draws(self) -> Draws:
        """What intervals and tests are drawn from."""
        return Draws(self.resamples, self.exchanges, self.seed)


def compare(
    candidates: Sequence[Candidate],
    question: Question | None = None,
    *,
    published: Sequence[Published] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """What the Runs say when they are judged on the same rows.

    Args:
        candidates: finished Runs.
        question: what is asked of them.
        published: figures of papers, which stand beside.
        notes: what a reader must know of how the Runs were found.

    Raises:
        RunError: the Runs cannot stand in one table, or the rows asked for do not exist.
        SpecError: there is no such metric or method.
    """
    asked = question or Question()
    shared = share(clean_runs(candidates), on_shared=asked.on_shared)
    groups, left_out = group_runs(shared.runs, each=asked.each)
    main = _main_metric(shared, asked.metric)
    seen = np.any([run.judged.seen for run in shared.runs], axis=0)
    deciding = _deciding(seen, asked.rows)
    described = describe(groups, shared, seen, deciding, seed=asked.seed)
    methods = _ranked(described, main, higher=_higher(shared, main))
    baseline = _baseline(methods, asked.baseline)
    runs = [run.judged.take(deciding) for run in shared.runs]
    measured = differences(runs, main, _pairs(methods, groups, baseline), asked.draws)
    found = _both_ways(measured, methods[0].name, baseline)
    return Comparison(
        task=str(shared.runs[0].record["task"]),
        split=str(shared.runs[0].record["split"]),
        rows=asked.rows,
        n=len(deciding),
        seen=int(seen.sum()),
        main=main,
        metrics=_cards(shared, main),
        methods=tuple(_tied(methods, found)),
        best=methods[0].name,
        baseline=baseline,
        differences=tuple(found),
        level=LEVEL,
        published=tuple(replace(row, comparable=row.metric == main) for row in published),
        notes=(*notes, *shared.notes, *left_out, *_notes(shared, seen, asked)),
        settings=asdict(asked),
        robustness=robustness(candidates, main, on_shared=asked.on_shared, seed=asked.seed),
    )


def _tied(methods: Sequence[Method], found: Sequence[Difference]) -> Iterator[Method]:
    """Yields the methods, each with whether the data show that it is worse than the first."""
    shown = {one.a for one in found if one.b == methods[0].name and one.shown}
    yield from (replace(method, tied=method.name not in shown) for method in methods)


def _main_metric(shared: Shared, asked: str | None) -> str:
    if asked is None:
        first = str(shared.runs[0].record["metrics"][0])
        if first in shared.metrics:
            return first
        raise RunError(
            f"the task's first metric '{first}' is computed from whole rows, so that no paired test can be made of it",
            fix=f"Choose another: --metric {shared.metrics[0]}",
        )
    if asked not in shared.metrics:
        raise SpecError(f"the runs have no metric '{asked}'", fix=did_you_mean(asked, shared.metrics))
    return asked


def _higher(shared: Shared, metric: str) -> bool:
    return shared.runs[0].judged.metrics[metric].higher_is_better


def _cards(shared: Shared, main: str) -> tuple[MetricCard, ...]:
    known = shared.runs[0].judged.metrics
    return tuple(
        MetricCard(name, known[name].title, known[name].higher_is_better, known[name].averaging)
        for name in (main, *(name for name in shared.metrics if name != main))
    )


def _deciding(seen: BoolArray, rows: RowChoice) -> IntArray:
    """Positions of the rows that decide."""
    mask = {"all": np.ones_like(seen), "unseen": ~seen, "seen": seen}[rows]
    if not mask.any():
        raise RunError(f"none of the {len(seen)} shared rows is {rows}", fix="Leave out --rows.")
    return np.flatnonzero(mask)


def _ranked(methods: Sequence[Method], main: str, *, higher: bool) -> list[Method]:
    """The methods, best first; of equals the one whose name comes first."""
    ordered = sorted(methods, key=lambda method: (method.metrics[main].value * (-1 if higher else 1), method.name))
    return [replace(method, rank=rank) for rank, method in enumerate(ordered, start=1)]


def _baseline(methods: Sequence[Method], asked: str | None) -> str:
    names = [method.name for method in methods]
    if asked is None:
        known = (method.name for kind in _BASELINES for method in methods if method.method == kind)
        return next(known, names[-1])
    if asked not in names:
        raise SpecError(f"there is no method '{asked}' in this comparison", fix=did_you_mean(asked, names))
    return asked


def _pairs(methods: Sequence[Method], groups: Sequence[RunGroup], baseline: str) -> list[tuple[RunGroup, RunGroup]]:
    """Each method with the best, then each with the baseline."""
    by_name = {group.name: group for group in groups}
    names, best = [method.name for method in methods], methods[0].name
    to_best = [(by_name[name], by_name[best]) for name in names if name != best]
    others = [name for name in names if name not in (best, baseline)] if baseline != best else []
    return to_best + [(by_name[name], by_name[baseline]) for name in others]


def _both_ways(found: Sequence[Difference], best: str, baseline: str) -> list[Difference]:
    """The differences, and that of the best to the baseline beside that of the baseline to the best."""
    turned = [one.mirrored() for one in found if best != baseline and (one.a, one.b) == (baseline, best)]
    return [*found, *turned]


def _notes(shared: Shared, seen: BoolArray, asked: Question) -> list[str]:
    notes = []
    rules = sorted({run.judged.rule for run in shared.runs})
    if len(rules) > 1:
        notes.append(f"decision rules differ ({', '.join(rules)}); --rule judges all runs by one")
    fewest = min(int(run.record["rows"]) for run in shared.runs)
    if "batch" in rules and fewest < FEW_ROWS:
        notes.append(f"the batch rule is fitted on the scored inputs, and {fewest} are few")
    unlabelled = max(run.judged.unlabelled for run in shared.runs)
    if unlabelled:
        notes.append(f"{unlabelled} rows without a gold answer are left out")
    if any((run.judged.seen != seen).any() for run in shared.runs):
        notes.append("runs disagree on which rows also stand in train; a row counts as seen when one of them says so")
    if seen.any() and asked.rows == "all":
        notes.append(
            f"{int(seen.sum())} of {len(seen)} rows also stand in train; --rows unseen lets the others alone decide"
        )
    hosts = {str(run.record.get("host")) for run in shared.runs}
    devices = {str((run.record.get("model_description") or {}).get("device")) for run in shared.runs}
    if len(hosts) > 1 or len(devices) > 1:
        notes.append("runs come from different machines or devices: their seconds cannot be compared")
    return notes
