from __future__ import annotations

from pathlib import Path

import numpy as np

from promptsci.score import Facts, metric_named
from promptsci.tune import Labelled, Lessons, MajorityLabel

LABELS = ("a", "b", "c")


def lessons(golds: list[int]) -> Lessons:
    """Rows with these labels, whatever their texts."""
    rows = Labelled(tuple("x" for _ in golds), np.array(golds))
    none = Labelled((), np.array([], dtype=np.int64))
    return Lessons(Facts("label", LABELS), rows, rows, none, metric_named("accuracy", LABELS), 0)


def test_every_text_gets_the_shares_of_train() -> None:
    """Probabilities are the labels' shares of train's rows, the same for all texts."""
    fitted = MajorityLabel().fit(lessons([0, 1, 1, 2]), Path())

    np.testing.assert_allclose(np.exp(fitted.log_probs(["one", "two"])), [[0.25, 0.5, 0.25]] * 2)
    assert fitted.training["trainable_parameters"] == 0
    assert fitted.notes == ()


def test_a_label_without_rows_counts_half_a_row_and_that_is_said() -> None:
    """Its logarithm is finite, and it is not the most frequent label."""
    fitted = MajorityLabel().fit(lessons([0, 2]), Path())

    np.testing.assert_allclose(np.exp(fitted.log_probs(["one"])), [[0.4, 0.2, 0.4]])
    assert "label b" in fitted.notes[0]
