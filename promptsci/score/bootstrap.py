"""Intervals: the 95 % percentile bootstrap over rows, vectorised.

Method. Draw n rows with replacement, compute the statistic, repeat B times; the interval runs from the 2.5th to the
97.5th percentile of the B values (Efron 1979; Efron and Tibshirani 1993, chapter 13). A metric depends on the rows only
through sums over them, so a resample is a vector of weights times the table of rows (`promptsci.score.sums`).

What it does not do. The interval covers the choice of test rows, not the choice of shots, seeds or wordings. It is
conditional on the observed rows: when all rows are right it has no width, and with few rows a label it is too narrow.
Labels stay the task's labels in every resample, so one that was not drawn counts 0 in a macro average.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from promptsci.score.metrics import Metric
from promptsci.score.outcomes import FloatArray, IntArray
from promptsci.score.sums import Distinct, Family, O, families, pieces

RESAMPLES = 5_000
"""Resamples for metrics computed from counts."""

ROW_RESAMPLES = 1_000
"""Resamples for statistics whose rows are all different, such as calibration."""

SLOW_RESAMPLES = 200
"""Resamples for metrics that can only be computed one resample at a time (``hub:``, some 5 ms each)."""

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def resampled(parts: Sequence[Family], *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, FloatArray]:
    """Values of each metric on the same resamples of the rows [resamples]; the rows' order does not matter."""
    if not parts:
        return {}
    distinct = Distinct.of([part.table for part in parts])
    tables = [part.table[distinct.first].astype(np.float64) for part in parts]
    found: dict[str, list[FloatArray]] = {name: [] for part in parts for name in part.values}
    for weights in distinct.draws(resamples, seed):
        for part, table in zip(parts, tables, strict=True):
            sums = weights @ table
            for name, value in part.values.items():
                found[name].append(value(sums))
    return {name: np.concatenate(values) for name, values in found.items()}


def row_values(
    statistic: Callable[[IntArray], FloatArray], n: int, *, resamples: int = ROW_RESAMPLES, seed: int = 0
) -> FloatArray:
    """Values of any statistic of rows on resamples [resamples].

    Args:
        statistic: values [b] from row positions [b, n], each line one resample.
        n: the number of rows.
        resamples: how many resamples to draw.
        seed: the same seed and n give the same resamples.
    """
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(0, n, size=(size, n))) for size in pieces(resamples, n)]
    return np.concatenate(values)


def percentile_interval(values: FloatArray, level: float = LEVEL) -> tuple[float, float]:
    """The ends of the central interval that holds the given share of values [B]."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimates(outcomes: O, metrics: Mapping[str, Metric[O]], *, seed: int = 0) -> dict[str, Estimate]:
    """Each metric's value for labelled rows, with its 95 % interval."""
    quick = {name: metric.sums for name, metric in metrics.items() if metric.sums is not None}
    values = resampled(families(outcomes, quick), seed=seed)
    for name, metric in metrics.items():
        if metric.sums is None:
            values[name] = row_values(_by_rows(metric, outcomes), len(outcomes), resamples=SLOW_RESAMPLES, seed=seed)
    return {
        name: Estimate(metric.point(outcomes), *percentile_interval(values[name])) for name, metric in metrics.items()
    }


def _by_rows(metric: Metric[Any], outcomes: Any) -> Callable[[IntArray], FloatArray]:
    def statistic(rows: IntArray) -> FloatArray:
        return np.array([metric.point(outcomes.take(row)) for row in rows])

    return statistic
