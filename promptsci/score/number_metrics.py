"""Metrics of numbers. An invalid answer counts as the end of the range that is farther from the right number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from promptsci.score.answered import Answered
from promptsci.score.metrics import Metric, summed
from promptsci.score.outcomes import FloatArray
from promptsci.score.sums import Sums, Table, mean_of_rows, mean_of_sums, ratio

INVALID = "an invalid answer counts as the end of the range that is farther from the right number"


def pairs(rows: Answered, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Right and answered numbers [N] each."""
    gold = np.array(rows.gold, dtype=np.float64)
    worst = np.where(gold - low > high - gold, low, high)
    said = np.array([np.nan if answer is None else float(answer) for answer in rows.answers], dtype=np.float64)
    return gold, np.where(np.isnan(said), worst, said)


def moments(x: FloatArray, y: FloatArray) -> Table:
    """What each pair adds to a correlation [N, 6]: x, y, x², y², xy, 1, centred so that no sum loses digits."""
    x, y = x - x.mean(), y - y.mean()
    return np.column_stack([x, y, x * x, y * y, x * y, np.ones(len(x))])


def correlation(sums: FloatArray) -> FloatArray:
    """Pearson's correlation [...] from sums of `moments` [..., 6]; 0 where one of the two does not vary."""
    x, y, xx, yy, xy, n = np.moveaxis(sums, -1, 0)
    spread = np.sqrt(np.maximum(n * xx - x * x, 0) * np.maximum(n * yy - y * y, 0))
    # Rounding alone may leave a spread of 1e-16 where nothing varies.
    flat = spread <= 1e-12 * np.sqrt(np.maximum(n * xx * n * yy, 1e-300))
    return ratio(n * xy - x * y, np.where(flat, 0.0, spread))


def root(sums: FloatArray) -> FloatArray:
    """The square root of a mean [...] from sums [..., 2]."""
    return np.asarray(np.sqrt(mean_of_sums(sums)), dtype=np.float64)


def midranks(values: FloatArray) -> FloatArray:
    """The rank of each value [N] from 1, equal values sharing the mean of their ranks."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)


def number_metrics(low: float, high: float) -> tuple[Metric[Answered], ...]:
    """Metrics of numbers within a range."""

    def squared(rows: Answered) -> Table:
        gold, said = pairs(rows, low, high)
        return mean_of_rows((gold - said) ** 2)

    def absolute(rows: Answered) -> Table:
        gold, said = pairs(rows, low, high)
        return mean_of_rows(np.abs(gold - said))

    def linear(rows: Answered) -> Table:
        return moments(*pairs(rows, low, high))

    def ranked(rows: Answered) -> Table:
        gold, said = pairs(rows, low, high)
        return moments(midranks(gold), midranks(said))

    return (
        summed("pearson", "Pearson", "regression", Sums(linear, correlation), f"correlation; {INVALID}"),
        summed("spearman", "Spearman", "regression", Sums(ranked, correlation),
                f"correlation of ranks; intervals and tests keep the ranks of the whole set; {INVALID}"),
        _error("mae", "MAE", Sums(absolute, mean_of_sums), f"mean of |right - answered|; {INVALID}"),
        _error("mse", "MSE", Sums(squared, mean_of_sums), f"mean of (right - answered)²; {INVALID}"),
        _error("rmse", "RMSE", Sums(squared, root), f"square root of the MSE; {INVALID}"),
    )  # fmt: skip


def _error(name: str, title: str, sums: Sums[Answered], averaging: str) -> Metric[Answered]:
    return replace(summed(name, title, "regression", sums, averaging), higher_is_better=False)
