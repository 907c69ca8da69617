"""Claims about abstention; a plain loop is the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.score.abstention import risk_coverage


def _sure(values: Any) -> Any:
    p = np.asarray(values, dtype=float)
    return np.log(np.column_stack([p, 1 - p]))


def test_curve_equals_a_plain_loop(make_outcomes: Any) -> None:
    """The error of the surest k decisions, their mean, and the largest coverage at an error."""
    rng = np.random.default_rng(0)
    sure = 0.5 + rng.permutation(60) / 130
    gold = rng.integers(0, 2, size=60)
    rows = make_outcomes(gold, np.zeros(60, dtype=int), n_labels=2, log_probs=_sure(sure))
    order = np.argsort(-sure)
    risks = [float(np.mean(gold[order[:k]] != 0)) for k in range(1, 61)]
    found = risk_coverage(rows, errors=(0.3, 0.55))
    np.testing.assert_allclose(found.risks, risks)
    assert found.aurc == pytest.approx(np.mean(risks))
    for error, kept in found.coverage.items():
        assert kept == max([k / 60 for k in range(1, 61) if risks[k - 1] <= error], default=0.0)


def test_equally_sure_rows_count_by_their_mean(make_outcomes: Any) -> None:
    """The order of equally sure rows does not matter: a constant confidence has the overall error everywhere."""
    for gold in ([0, 0, 1, 1], [1, 1, 0, 0]):
        rows = make_outcomes(gold, [0, 0, 0, 0], n_labels=2, log_probs=_sure([0.7] * 4))
        assert risk_coverage(rows).risks == pytest.approx((0.5,) * 4)


def test_perfect_order_is_the_best_area(make_outcomes: Any) -> None:
    """When every right answer is surer than every wrong one the area is the best possible."""
    rows = make_outcomes([0, 0, 0, 1, 1], [0] * 5, n_labels=2, log_probs=_sure([0.99, 0.9, 0.8, 0.7, 0.6]))
    found = risk_coverage(rows, errors=(0.0,))
    assert found.aurc == pytest.approx(found.best)
    assert found.coverage == {0.0: 0.6}


def test_invalid_answers_are_unsure_and_wrong(make_outcomes: Any) -> None:
    """An answer that is no label comes last and counts as an error, never dropped."""
    rows = make_outcomes([0, 0, 0], [0, -1, 0], n_labels=2, log_probs=_sure([0.6, 0.9, 0.7]))
    assert risk_coverage(rows).risks == pytest.approx((0, 0, 1 / 3))
