"""Claims about calibration; scikit-learn's Brier score and a plain loop are the oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from promptsci.score.calibration import CALIBRATION, bin_of, calibration
from promptsci.score.outcomes import Outcomes


def _case(n: int, n_labels: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return np.log(rng.dirichlet(np.full(n_labels, 0.5), size=n)), rng.integers(0, n_labels, size=n)


def _ece_by_loop(log_probs: Any, gold: Any) -> float:
    top, sure = log_probs.argmax(1), np.exp(log_probs.max(1))
    total = 0.0
    for i in range(15):
        inside = [j for j in range(len(gold)) if (i / 15 < sure[j] <= (i + 1) / 15)]
        if inside:
            total += len(inside) * abs(np.mean([top[j] == gold[j] for j in inside]) - np.mean(sure[inside]))
    return float(total / len(gold))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 10_000))
def test_scores_equal_their_oracles(n: int, n_labels: int, seed: int) -> None:
    """The Brier score is scikit-learn's, the ECE a plain loop's over 15 bins."""
    log_probs, gold = _case(n, n_labels, seed)
    oracle = brier_score_loss(gold, np.exp(log_probs), labels=range(n_labels), scale_by_half=False)
    outcomes = Outcomes(tuple("ABCDEF"[:n_labels]), gold, log_probs.argmax(1), np.zeros(n, dtype=bool), log_probs)
    assert CALIBRATION["brier"].of(outcomes) == pytest.approx(oracle, abs=1e-9)
    assert CALIBRATION["ece"].of(outcomes) == pytest.approx(_ece_by_loop(log_probs, gold), abs=1e-9)


def test_bins_are_closed_above() -> None:
    """A confidence on a boundary belongs to the bin below it, 1.0 to the last, 0 to the first."""
    np.testing.assert_array_equal(bin_of(np.array([0.0, 1e-9, 0.2, 0.2 + 1e-9, 1.0])), [0, 0, 2, 3, 14])


def test_a_calibrated_model_has_a_small_error(make_outcomes: Any) -> None:
    """Labels drawn from the stated probabilities give an ECE near 0 and right = sure in each full bin."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(3, 0.7), size=20_000)
    gold = (p.cumsum(1) < rng.random((20_000, 1))).sum(1).clip(max=2)
    found = calibration(make_outcomes(gold, p.argmax(1), log_probs=np.log(p)))
    assert found is not None
    assert found.ece.value < 0.015
    for part in found.bins:
        if part.n > 500:
            assert part.accuracy == pytest.approx(part.confidence, abs=0.06)


def test_intervals_and_bins_belong_to_the_values(make_outcomes: Any) -> None:
    """The Brier interval holds its value, bins add up to n, and the ECE is the bins' weighted gap."""
    log_probs, gold = _case(200, 4, seed=1)
    outcomes = make_outcomes(gold, log_probs.argmax(1), n_labels=4, log_probs=log_probs)
    found = calibration(outcomes)
    assert found is not None
    assert found.brier.low < found.brier.value < found.brier.high
    assert found.ece.low < found.ece.high
    assert found.brier.value == pytest.approx(CALIBRATION["brier"].of(outcomes))
    assert found.ece.value == pytest.approx(_ece_by_loop(log_probs, gold))
    full = [part for part in found.bins if part.accuracy is not None and part.confidence is not None]
    assert sum(part.n for part in full) == 200
    gap = sum(part.n * abs((part.accuracy or 0.0) - (part.confidence or 0.0)) for part in full) / 200
    assert found.ece.value == pytest.approx(gap)


def test_invalid_rows_are_excluded_and_counted(make_outcomes: Any) -> None:
    """Invalid answers have no probability: they are left out of calibration and counted."""
    log_probs, gold = _case(30, 3, seed=2)
    predicted = log_probs.argmax(1)
    predicted[:4] = -1
    outcomes = make_outcomes(gold, predicted, log_probs=log_probs)
    found = calibration(outcomes)
    assert found is not None
    assert (found.n, found.excluded) == (26, 4)
    assert found.brier.value == pytest.approx(CALIBRATION["brier"].of(outcomes.take(np.arange(4, 30))))


def test_nothing_to_judge_is_none(make_outcomes: Any) -> None:
    """Without probabilities, or without a valid answer, there is no calibration."""
    log_probs, gold = _case(3, 3, seed=3)
    assert calibration(make_outcomes(gold, gold)) is None
    assert calibration(make_outcomes(gold, [-1, -1, -1], log_probs=log_probs)) is None
