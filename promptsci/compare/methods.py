"""A method's row of the table: metrics with intervals, spread over runs, seen and unseen rows, calibration, cost."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from promptsci.compare.comparison import Group, Method, RunEntry, Spread
from promptsci.compare.cost import mean_cost
from promptsci.compare.eligible import Candidate, Shared
from promptsci.compare.grouping import RunGroup
from promptsci.compare.paired import Stack, resampled_runs, run_weights
from promptsci.score import Estimate, percentile_interval
from promptsci.score.bootstrap import ROW_RESAMPLES
from promptsci.score.outcomes import BoolArray, FloatArray, IntArray


def describe(groups: Sequence[RunGroup], shared: Shared, seen: BoolArray, rows: IntArray, *, seed: int) -> list[Method]:
    """The methods' rows of the table; rank and ties are left open.

    Args:
        groups: the methods, each with its runs.
        shared: all runs on the shared rows.
        seen: which of these rows also stand in train [N].
        rows: positions of the rows that decide.
        seed: of the intervals.
    """
    calibrated = _Calibrated.of(shared, rows, seed)
    return [_method(group, shared, seen, rows, calibrated) for group in groups]


def _method(group: RunGroup, shared: Shared, seen: BoolArray, rows: IntArray, calibrated: _Calibrated) -> Method:
    runs = [shared.runs[position] for position in group.runs]
    seed = calibrated.seed
    values, metrics = _metrics(group, runs, rows, seed)
    metrics = {name: metrics[name] for name in shared.metrics}
    first = runs[0].record
    rules = sorted({run.judged.rule for run in runs})
    return Method(
        name=group.name,
        method=group.method,
        model=first["model"],
        adapter=(first.get("adapter") or {}).get("name"),
        rule=rules[0] if len(rules) == 1 else "mixed",
        runs=tuple(_entry(run, {name: float(values[name][at]) for name in metrics}) for at, run in enumerate(runs)),
        metrics=metrics,
        spread={name: spread(values[name]) for name in metrics} if len(runs) > 1 else {},
        unseen=_rows_of(group, runs, ~seen, seed),
        seen=_rows_of(group, runs, seen, seed),
        calibration=calibrated.estimates(group),
        cost=mean_cost([run.record for run in runs]),
        rank=0,
        tied=False,
    )


def _metrics(
    group: RunGroup, runs: Sequence[Candidate], rows: IntArray, seed: int
) -> tuple[dict[str, FloatArray], dict[str, Estimate]]:
    """Each metric's values [R], and their mean with its interval over rows and runs."""
    stack = Stack.of([[part.take(rows) for part in run.judged.families] for run in runs])
    observed = stack.observed()
    drawn = mean_over_runs(group, resampled_runs(stack, seed=seed), seed)
    return observed, {
        name: Estimate(float(values.mean()), *percentile_interval(drawn[name])) for name, values in observed.items()
    }


def mean_over_runs(group: RunGroup, drawn: Mapping[str, FloatArray], seed: int) -> dict[str, FloatArray]:
    """Each metric's mean over runs [resamples] from its values on resampled rows [resamples, R]; runs are drawn too."""
    n = len(next(iter(drawn.values()), np.zeros(0)))
    weights = run_weights(group.keys, n, seed)
    return {name: (values * weights).sum(1) for name, values in drawn.items()}


def spread(values: FloatArray) -> Spread:
    """Median, lowest, highest and sample standard deviation of values [R], two or more."""
    found = [float(value) for value in values]
    return Spread(statistics.median(found), min(found), max(found), statistics.stdev(found))


def _entry(run: Candidate, metrics: Mapping[str, float]) -> RunEntry:
    record = run.record
    return RunEntry(
        run_dir=str(run.folder.path),
        template=record["template"],
        seed=int(record["seed"]),
        format=record["format"],
        rule=run.judged.rule,
        metrics=metrics,
    )


def _rows_of(group: RunGroup, runs: Sequence[Candidate], mask: BoolArray, seed: int) -> Group | None:
    if mask.all() or not mask.any():
        return None
    rows = np.flatnonzero(mask)
    _, metrics = _metrics(group, runs, rows, seed)
    return Group(len(rows), metrics)


@dataclass(frozen=True, eq=False)
class _Calibrated:
    """ECE and Brier score of the Runs that have them, on the same resamples of the rows.

    Args:
        places: where in the arrays a Run stands.
        observed: each statistic [R].
        drawn: the same on resampled rows [B, R].
        seed: of the resamples.
    """

    places: Mapping[int, int]
    observed: Mapping[str, FloatArray]
    drawn: Mapping[str, FloatArray]
    seed: int

    @classmethod
    def of(cls, shared: Shared, rows: IntArray, seed: int) -> _Calibrated:
        scored = [position for position, run in enumerate(shared.runs) if run.judged.calibration]
        if not scored:
            return cls({}, {}, {}, seed)
        stack = Stack.of([[part.take(rows) for part in shared.runs[at].judged.calibration] for at in scored])
        drawn = resampled_runs(stack, resamples=ROW_RESAMPLES, seed=seed)
        return cls({position: place for place, position in enumerate(scored)}, stack.observed(), drawn, seed)

    def estimates(self, group: RunGroup) -> dict[str, Estimate]:
        """The statistics of a method; none where one of its Runs has none."""
        if any(run not in self.places for run in group.runs):
            return {}
        places = [self.places[run] for run in group.runs]
        drawn = mean_over_runs(group, {name: values[:, places] for name, values in self.drawn.items()}, self.seed)
        return {
            name: Estimate(float(values[places].mean()), *percentile_interval(drawn[name]))
            for name, values in self.observed.items()
        }
