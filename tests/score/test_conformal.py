"""Claims about conformal sets; simulation over random splits is the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.errors import DataError
from promptsci.score.conformal import judge_sets, label_sets, thresholds
from promptsci.score.decide import normalise

LABELS = ("a", "b", "c")


def _rows(n: int, rng: Any) -> tuple[Any, Any]:
    """Rows of a model that is far too sure of itself, and too shy of one label."""
    gold = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    nats = rng.normal(size=(n, 3))
    nats[np.arange(n), gold] += 1.2
    nats[:, 2] -= 1.0
    return normalise(4 * nats), gold


def _coverages(splits: int, n: int, *, by_class: bool = False) -> Any:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(splits):
        log_probs, gold = _rows(2 * n, rng)
        largest = thresholds(log_probs[:n], gold[:n], 0.1, by_class=by_class)
        sets = label_sets(log_probs[n:], largest)
        judged = judge_sets(sets, gold[n:], LABELS, largest, (0.1, by_class, n))
        found.append([judged.coverage, *(judged.class_coverage[label] for label in LABELS)])
    return np.array(found, dtype=float)


@pytest.mark.parametrize("n", [60, 200])
def test_sets_cover_as_promised(n: int) -> None:
    """Over 1,000 random splits 90 % sets hold the right label in 88.5 to 91.5 % of rows, however bad the model."""
    assert 0.885 <= _coverages(1_000, n)[:, 0].mean() <= 0.915


def test_class_conditional_sets_cover_each_label() -> None:
    """Sets by class hold the right label in about 90 % of each label's rows, where plain sets do not."""
    by_class = np.nanmean(_coverages(400, 300, by_class=True), axis=0)[1:]
    plain = np.nanmean(_coverages(400, 300), axis=0)[1:]
    assert ((by_class > 0.885) & (by_class < 0.935)).all()
    assert abs(plain - 0.9).max() > 0.05


def test_threshold_is_the_ceil_rank() -> None:
    """With nine rows the 90 % threshold is the ninth smallest score; with eight every label is let in."""
    p = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55])
    log_probs, gold = np.log(np.column_stack([p, 1 - p])), np.zeros(9, dtype=int)
    np.testing.assert_allclose(thresholds(log_probs, gold, 0.1), 0.45)
    assert np.isinf(thresholds(log_probs[:8], gold[:8], 0.1)).all()
    few = thresholds(log_probs, gold, 0.1, by_class=True)
    assert few[0] == pytest.approx(0.45)
    assert np.isinf(few[1])


def test_the_row_at_the_threshold_is_in() -> None:
    """A threshold taken from a row lets that row in, whatever rounding does."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        log_probs, gold = _rows(30, rng)
        largest = thresholds(log_probs, gold, 0.2)
        held = label_sets(log_probs, largest)[np.arange(30), gold]
        assert held.sum() >= 25  # ceil(31 * 0.8)


def test_what_sets_are_judged_by() -> None:
    """Coverage, size, single and empty sets by hand; a label without rows has no coverage."""
    sets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)
    found = judge_sets(sets, np.array([0, 1, 0, 0]), LABELS, np.array([0.4, 0.5, np.inf]), (0.1, True, 9))
    assert (found.coverage, found.mean_size, found.single, found.empty) == (0.5, 1.0, 0.5, 0.25)
    assert found.class_coverage == {"a": pytest.approx(1 / 3), "b": 1.0, "c": None}
    assert found.thresholds == {"a": 0.4, "b": 0.5, "c": 2.0}


@pytest.mark.parametrize("error", [0.0, 1.0, -0.1])
def test_impossible_errors_are_refused(error: float) -> None:
    """An error is a share between 0 and 1."""
    with pytest.raises(DataError, match="between 0 and 1"):
        thresholds(np.zeros((1, 2)), np.zeros(1, dtype=int), error)
