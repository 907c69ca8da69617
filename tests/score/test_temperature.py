"""Claims about temperature scaling; the condition at the minimum and a known temperature are the oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from promptsci.errors import DataError
from promptsci.score.decide import normalise
from promptsci.score.temperature import fit_temperature, mean_nll, scaled


def _rows(n: int, temperature: float, seed: int = 0) -> tuple[Any, Any]:
    """Log-probabilities that are true when divided by a temperature."""
    rng = np.random.default_rng(seed)
    honest = normalise(rng.normal(scale=1.5, size=(n, 4)))
    gold = (np.exp(honest).cumsum(1) < rng.random((n, 1))).sum(1).clip(max=3)
    return normalise(honest * temperature), gold


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_finds_the_temperature_that_was_put_in(temperature: float) -> None:
    """Probabilities made too sure or too timid by a known temperature give it back."""
    log_probs, gold = _rows(20_000, temperature)
    assert fit_temperature(log_probs, gold) == pytest.approx(temperature, rel=0.05)


def test_is_the_minimum() -> None:
    """At the fitted temperature the expected log-score equals that of the gold labels: the derivative is zero."""
    log_probs, gold = _rows(500, 2.5, seed=1)
    temperature = fit_temperature(log_probs, gold)
    p = np.exp(normalise(log_probs / temperature))
    expected = (p * log_probs).sum(1).mean()
    assert expected == pytest.approx(log_probs[np.arange(500), gold].mean(), abs=1e-4)
    best = mean_nll(log_probs / temperature, gold)
    assert all(best <= mean_nll(log_probs / other, gold) for other in np.geomspace(0.05, 50, 200))


def test_nll_equals_scikit_learn() -> None:
    """The negative log-likelihood is scikit-learn's log loss."""
    log_probs, gold = _rows(200, 1.0)
    assert mean_nll(log_probs, gold) == pytest.approx(log_loss(gold, np.exp(log_probs), labels=range(4)))


def test_scaling_keeps_decisions(make_outcomes: Any) -> None:
    """Scaled probabilities add up to one and put the same label first."""
    log_probs, gold = _rows(50, 1.0)
    rows = make_outcomes(gold, log_probs.argmax(1), n_labels=4, log_probs=log_probs)
    at_three = scaled(rows, 3.0).log_probs
    np.testing.assert_allclose(np.exp(at_three).sum(1), 1)
    np.testing.assert_array_equal(at_three.argmax(1), rows.predicted)


def test_no_rows_is_an_error() -> None:
    """Without labelled rows there is nothing to fit."""
    with pytest.raises(DataError, match="labelled rows"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int))
