"""Claims about the majority row; scikit-learn's dummy classifier is the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score

from promptsci.errors import DataError
from promptsci.score.baseline import majority
from promptsci.score.metrics import METRICS


def test_equals_the_dummy_classifier(make_outcomes: Any) -> None:
    """The majority row scores as scikit-learn's most-frequent dummy, whatever the Run decided."""
    train, gold = [1] * 7 + [0] * 3 + [2] * 2, np.array([0, 1, 1, 2, 2, 2])
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((12, 1)), train).predict(np.zeros((6, 1)))
    found = majority(make_outcomes(gold, gold), {"A": 3, "B": 7, "C": 2}, METRICS)
    assert found.label == "B"
    assert found.metrics["accuracy"].value == pytest.approx((dummy == gold).mean())
    expected = f1_score(gold, dummy, labels=range(3), average="macro", zero_division=0)
    assert found.metrics["macro_f1"].value == pytest.approx(expected)
    assert found.metrics["accuracy"].low < found.metrics["accuracy"].value < found.metrics["accuracy"].high


def test_ties_go_to_the_first_label_in_task_order(make_outcomes: Any) -> None:
    """Equally frequent labels: the task's order decides, not the counts' order."""
    assert majority(make_outcomes([0], [0]), {"C": 4, "B": 4, "A": 1}, METRICS).label == "B"


@pytest.mark.parametrize("counts", [{}, {"A": 0}, {"X": 3}])
def test_unusable_counts_are_errors(make_outcomes: Any, counts: dict[str, int]) -> None:
    """No labelled train row, or a label the task does not list, is an error."""
    with pytest.raises(DataError):
        majority(make_outcomes([0], [0]), counts, METRICS)
