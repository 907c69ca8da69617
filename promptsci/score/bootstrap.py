"""Intervals: the 95 % percentile bootstrap over rows, vectorised.

Method. Draw n rows with replacement, compute the statistic, repeat B times; the interval runs from the 2.5th to the
97.5th percentile of the B values (Efron 1979; Efron and Tibshirani 1993, chapter 13). A metric of gold and decision
depends on the rows only through the confusion counts, and the counts of n rows drawn with replacement are exactly
multinomial with the observed shares. So one multinomial draw over the occupied cells stands for one resample, and the
price does not grow with n.

What it does not do. The interval covers the choice of test rows, not the choice of shots, seeds or wordings. It is
conditional on the observed cells: when all rows are right it has no width, and with few rows a label it is too narrow.
Labels stay the task's labels in every resample, so one that was not drawn counts 0 in a macro average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from promptsci.score.metrics import FromCounts, Metric
from promptsci.score.outcomes import FloatArray, IntArray, Outcomes

RESAMPLES = 5_000
"""Resamples for metrics computed from confusion counts."""

ROW_RESAMPLES = 1_000
"""Resamples for statistics that need the rows, such as calibration."""

SLOW_RESAMPLES = 200
"""Resamples for metrics that can only be computed one resample at a time (``hub:``, some 5 ms each)."""

LEVEL = 0.95
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def resampled_counts(counts: IntArray, *, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[IntArray]:
    """Confusion counts of resampled rows, in pieces [b, C, C+1] whose lengths add up to resamples.

    Args:
        counts: observed confusion counts [C, C+1].
        resamples: how many resamples to draw.
        seed: the same seed and counts give the same resamples.
    """
    flat = counts.ravel()
    occupied = np.flatnonzero(flat)
    total = int(flat.sum())
    rng = np.random.default_rng(seed)
    # Pieces keep 80 labels from asking for 80 * 81 * 5000 numbers at once.
    piece = max(1, _CELLS_AT_ONCE // flat.size)
    for start in range(0, resamples, piece):
        size = min(piece, resamples - start)
        drawn = np.zeros((size, flat.size), dtype=np.int64)
        drawn[:, occupied] = rng.multinomial(total, flat[occupied] / total, size=size)
        yield drawn.reshape(size, *counts.shape)


def count_values(
    counts: IntArray, statistics: Mapping[str, FromCounts], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, FloatArray]:
    """Values of each statistic on the same resamples [resamples], from observed confusion counts [C, C+1]."""
    pieces: dict[str, list[FloatArray]] = {name: [] for name in statistics}
    for drawn in resampled_counts(counts, resamples=resamples, seed=seed):
        for name, statistic in statistics.items():
            pieces[name].append(statistic(drawn))
    return {name: np.concatenate(values) for name, values in pieces.items()}


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
    piece = max(1, _CELLS_AT_ONCE // n)
    values = [
        statistic(rng.integers(0, n, size=(min(piece, resamples - start), n))) for start in range(0, resamples, piece)
    ]
    return np.concatenate(values)


def percentile_interval(values: FloatArray, level: float = LEVEL) -> tuple[float, float]:
    """The ends of the central interval that holds the given share of values [B]."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimates(outcomes: Outcomes, metrics: Mapping[str, Metric], *, seed: int = 0) -> dict[str, Estimate]:
    """Each metric's value for labelled rows, with its 95 % interval."""
    quick = {name: metric.from_counts for name, metric in metrics.items() if metric.from_counts is not None}
    values = count_values(outcomes.counts, quick, seed=seed)
    for name, metric in metrics.items():
        if metric.from_counts is None:
            values[name] = row_values(_by_rows(metric, outcomes), len(outcomes), resamples=SLOW_RESAMPLES, seed=seed)
    return {name: Estimate(metric.of(outcomes), *percentile_interval(values[name])) for name, metric in metrics.items()}


def _by_rows(metric: Metric, outcomes: Outcomes) -> Callable[[IntArray], FloatArray]:
    def statistic(rows: IntArray) -> FloatArray:
        n_labels = len(outcomes.labels)
        return np.array([metric.point(outcomes.gold[row], outcomes.predicted[row], n_labels) for row in rows])

    return statistic
