"""Claims about prevalence; simulation is the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.score.prevalence import call_counts, inverted_prevalence, ppi_prevalence

CALLED = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.3, 0.5]])
"""How each label's rows are called."""


def _rows(rng: Any, n: int, shares: Any) -> tuple[Any, Any]:
    gold = rng.choice(3, size=n, p=shares)
    return gold, (CALLED[gold].cumsum(1) < rng.random((n, 1))).sum(1)


def _shares(called: Any) -> Any:
    return call_counts(called, 3)[:-1] / len(called)


def _study(way: Any, trials: int, labelled: Any, asked: Any) -> tuple[Any, Any, Any]:
    """Means, the share of intervals that hold the truth, and mean counted shares."""
    rng = np.random.default_rng(0)
    values, held, raw = [], [], []
    for _ in range(trials):
        gold, known = _rows(rng, 150, labelled)
        _, called = _rows(rng, 3_000, asked)
        found = way(call_counts(called, 3), known, gold)
        values.append([one.value for one in found])
        held.append([one.low <= truth <= one.high for one, truth in zip(found, asked, strict=True)])
        raw.append(_shares(called))
    return np.mean(values, 0), np.mean(held, 0), np.mean(raw, 0)


def test_ppi_is_unbiased_and_covers() -> None:
    """Counting is off by many points; prediction-powered shares are right and 95 % intervals hold them."""
    shares = (0.2, 0.3, 0.5)
    values, held, raw = _study(ppi_prevalence, 300, shares, shares)
    assert abs(raw - shares).max() > 0.05
    np.testing.assert_allclose(values, shares, atol=0.01)
    assert ((held > 0.91) & (held < 0.985)).all()


def test_ppi_is_no_wider_than_the_labels_alone() -> None:
    """A good classifier narrows the interval; a useless one does no harm."""
    rng = np.random.default_rng(1)
    gold = rng.choice(2, size=200)
    alone = 2 * 1.96 * gold.std() / np.sqrt(200)
    many = call_counts(rng.choice(2, size=20_000), 2)
    good = ppi_prevalence(many, np.where(rng.random(200) < 0.05, 1 - gold, gold), gold)[1]
    useless = ppi_prevalence(many, rng.choice(2, size=200), gold)[1]
    assert good.high - good.low < 0.6 * alone
    assert useless.high - useless.low < 1.03 * alone


def test_inversion_is_right_under_other_shares() -> None:
    """Labelled rows with other shares: inversion finds the truth and covers it, where the ppi cannot."""
    labelled, asked = (0.5, 0.3, 0.2), (0.2, 0.2, 0.6)
    values, held, _ = _study(inverted_prevalence, 40, labelled, asked)
    np.testing.assert_allclose(values, asked, atol=0.04)
    assert (held > 0.85).all()
    biased, _, _ = _study(ppi_prevalence, 60, labelled, asked)
    assert abs(biased - asked).max() > 0.05


def test_a_perfect_classifier_is_simply_counted() -> None:
    """Without errors both corrections give the counted shares."""
    rng = np.random.default_rng(2)
    gold, called = rng.choice(3, size=90), rng.choice(3, size=900, p=[0.1, 0.2, 0.7])
    shares = _shares(called)
    inverted = [one.value for one in inverted_prevalence(call_counts(called, 3), gold, gold)]
    np.testing.assert_allclose(inverted, shares, atol=1e-6)


def test_invalid_answers_are_in_no_share(make_outcomes: Any) -> None:
    """Invalid answers stay in the denominator; shares and intervals stay between 0 and 1."""
    called = np.array([0, 0, 1, -1])
    np.testing.assert_array_equal(_shares(called), [0.5, 0.25, 0])
    found = inverted_prevalence(call_counts(called, 3), np.array([0, 1, -1, 0]), np.array([0, 1, 1, 0]))
    assert sum(one.value for one in found) == pytest.approx(1)
    assert all(0 <= one.low <= one.high <= 1 for one in found)
    assert found[2].value == 0
