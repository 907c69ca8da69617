"""Claims about intervals; the plain bootstrap over rows and simulation are the oracles."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap, ks_2samp

from promptsci.score.bootstrap import estimates, percentile_interval, resampled, row_values
from promptsci.score.metrics import METRICS
from promptsci.score.outcomes import Outcomes
from promptsci.score.sums import Sums, families

CELLS = np.array([[0.30, 0.06, 0.02, 0.02], [0.08, 0.20, 0.03, 0.01], [0.05, 0.05, 0.17, 0.01]])


def _sample(n: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    cells = rng.choice(CELLS.size, size=n, p=CELLS.ravel())
    gold, column = np.divmod(cells, 4)
    return gold.astype(np.int64), np.where(column == 3, -1, column).astype(np.int64)


def _sums(name: str) -> Sums[Outcomes]:
    sums = METRICS[name].sums
    assert sums is not None
    return sums


@pytest.mark.parametrize("name", METRICS)
def test_weighing_rows_equals_the_bootstrap_over_rows(name: str, make_outcomes: Any) -> None:
    """Weights for distinct rows give the distribution of drawing rows (Kolmogorov-Smirnov, mean and spread)."""
    rows = make_outcomes(*_sample(80, seed=1))
    fast = resampled(families(rows, {name: _sums(name)}), resamples=4000, seed=2)[name]

    def by_rows(lines: Any) -> Any:
        return np.array([_sums(name).of(rows.take(line)) for line in lines])

    plain = row_values(by_rows, 80, resamples=4000, seed=3)
    assert ks_2samp(fast, plain).pvalue > 0.01
    assert fast.mean() == pytest.approx(plain.mean(), abs=0.005)
    assert fast.std() == pytest.approx(plain.std(), rel=0.06)


def test_interval_agrees_with_scipy(make_outcomes: Any) -> None:
    """The accuracy interval is scipy.stats.bootstrap's percentile interval, up to resampling noise."""
    gold, predicted = _sample(300, seed=4)
    found = estimates(make_outcomes(gold, predicted), {"accuracy": METRICS["accuracy"]})["accuracy"]
    reference = bootstrap(
        ((gold == predicted).astype(float),), np.mean, n_resamples=5000, method="percentile", rng=5
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.01)


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "mcc"])
def test_intervals_cover_the_truth(name: str, make_outcomes: Any) -> None:
    """Of 300 samples of 200 rows, about 95 % of the intervals hold the population's value."""
    per_cell = np.round(CELLS.ravel() * 1000).astype(int)
    gold, column = np.divmod(np.repeat(np.arange(CELLS.size), per_cell), 4)
    truth = _sums(name).of(make_outcomes(gold, np.where(column == 3, -1, column)))
    held = 0
    for trial in range(300):
        rows = make_outcomes(*_sample(200, seed=trial))
        low, high = percentile_interval(resampled(families(rows, {name: _sums(name)}), resamples=400, seed=trial)[name])
        held += bool(low <= truth <= high)
    assert 0.90 <= held / 300 <= 0.98


def test_seed_decides_and_row_order_does_not(make_outcomes: Any) -> None:
    """Same seed, same interval, whatever the order of the rows; another seed, another interval."""
    gold, predicted = _sample(90, seed=8)
    one = estimates(make_outcomes(gold, predicted), METRICS, seed=1)
    assert estimates(make_outcomes(gold[::-1], predicted[::-1]), METRICS, seed=1) == one
    assert estimates(make_outcomes(gold, predicted), METRICS, seed=2) != one


def test_all_right_has_no_width(make_outcomes: Any) -> None:
    """Where every row is right the interval is a point: the limit the docstring states."""
    found = estimates(make_outcomes([0, 1, 2], [0, 1, 2]), METRICS)["accuracy"]
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_row_bootstrap_of_a_mean_has_the_known_spread() -> None:
    """For a mean the spread of the row bootstrap is the standard error sd / sqrt(n)."""
    x = np.random.default_rng(9).exponential(size=250)
    values = row_values(lambda rows: x[rows].mean(-1), 250, resamples=4000)
    assert values.std() == pytest.approx(x.std() / np.sqrt(250), rel=0.05)
    assert len(values) == 4000


def test_a_million_rows_cost_little_more_than_a_hundred(make_outcomes: Any) -> None:
    """Once a million rows are counted, 5,000 resamples of all five metrics take no longer than for a hundred."""
    rows = make_outcomes(*_sample(1_000_000, seed=10))
    start = time.perf_counter()
    resampled(families(rows, {name: _sums(name) for name in METRICS}))
    assert time.perf_counter() - start < 10
