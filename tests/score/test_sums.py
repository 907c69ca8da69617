"""Claims about sums over rows and their resampling; plain loops and exact distributions are the oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chisquare

from promptsci.score.sums import Distinct, mean_of_rows, mean_of_sums, ratio

FEW = np.repeat(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [2, 1, 0]], dtype=np.int8), [40, 25, 30, 5], axis=0)
MANY = np.random.default_rng(0).normal(size=(60, 2))


@pytest.fixture(params=["few kinds of rows", "rows all different"])
def table(request: pytest.FixtureRequest) -> Any:
    """Tables that take either way of drawing."""
    return FEW if request.param.startswith("few") else MANY


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=150))
@settings(max_examples=60)
def test_distinct_rows_are_numpys(rows: list[tuple[int, int]]) -> None:
    """Distinct rows and their counts are those of numpy.unique over rows, for one table or two side by side."""
    table = np.array(rows, dtype=np.int64)
    kinds, counts = np.unique(table, axis=0, return_counts=True)
    for tables in ([table], [table[:, :1].astype(np.float64), table[:, 1:].astype(np.int8)]):
        distinct = Distinct.of(tables)
        found = np.zeros(len(kinds), dtype=int)
        for first, count in zip(distinct.first, distinct.counts, strict=True):
            found[(kinds == table[first]).all(1)] += count
        np.testing.assert_array_equal(found, counts)
        assert len(distinct) in (len(kinds), len(table))


def test_draws_are_resamples_of_the_rows(table: Any) -> None:
    """Each draw holds n rows, and a column's mean over draws has the mean and the spread that theory gives."""
    distinct = Distinct.of([table])
    weights = np.concatenate(list(distinct.draws(6_000, seed=1)))
    assert weights.shape == (6_000, len(distinct))
    assert (weights.sum(1) == len(table)).all()
    means = weights @ table[distinct.first].astype(float) / len(table)
    np.testing.assert_allclose(means.mean(0), table.mean(0), atol=0.01)
    np.testing.assert_allclose(means.std(0), table.std(0) / np.sqrt(len(table)), rtol=0.05)


def test_swaps_are_fair_coins(table: Any) -> None:
    """Each row is swapped with probability 1/2: counts of a kind of m rows are binomial (chi-square)."""
    distinct = Distinct.of([table])
    swapped = np.concatenate(list(distinct.swaps(6_000, seed=2)))
    for kind in range(min(len(distinct), 4)):
        m = int(distinct.counts[kind])
        expected = binom.pmf(np.arange(m + 1), m, 0.5) * 6_000
        usual = expected > 5
        observed = np.bincount(swapped[:, kind].astype(int), minlength=m + 1)[usual]
        assert chisquare(observed, expected[usual] / expected[usual].sum() * observed.sum()).pvalue > 1e-4


@pytest.mark.parametrize("way", ["draws", "swaps"])
def test_pieces_do_not_change_the_draw(table: Any, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into memory is drawn in pieces, and these are the draw in one piece."""
    draw = getattr(Distinct.of([table]), way)
    whole = np.concatenate(list(draw(100, seed=1)))
    monkeypatch.setattr("promptsci.score.sums.CELLS_AT_ONCE", 60)
    parts = list(draw(100, seed=1))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_order_of_rows_does_not_matter(table: Any) -> None:
    """The same rows in another order give the same sums in every draw."""
    for way in ("draws", "swaps"):
        totals = []
        for turned in (table, table[::-1]):
            distinct = Distinct.of([turned])
            totals.append(np.concatenate(list(getattr(distinct, way)(50, seed=3))) @ turned[distinct.first])
        np.testing.assert_allclose(totals[0], totals[1], atol=1e-9)


def test_means_and_ratios() -> None:
    """The mean from sums is the mean; nothing over nothing is 0."""
    values = np.array([0.25, 0.5, 1.0])
    assert mean_of_sums(mean_of_rows(values).sum(0)) == pytest.approx(values.mean())
    np.testing.assert_array_equal(ratio([1, 0, 0], [2, 4, 0]), [0.5, 0, 0])
    np.testing.assert_array_equal(ratio(1, [2, 4]), [0.5, 0.25])
