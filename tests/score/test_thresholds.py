from __future__ import annotations

import math
import random

import numpy as np
import pytest
from sklearn.metrics import f1_score

from promptsci.score import Facts, best_thresholds, metric_rows
from promptsci.score.thresholds import labels_said

LABELS = ("a", "b", "c: d")


def row(number: int, gold: list[str], odds: list[float]) -> dict:
    """A row of predictions.jsonl whose labels have these log-odds of yes."""
    nats = {}
    for label, each in zip(LABELS, odds, strict=True):
        nats |= {f"{label}: yes": [-1.0, each - 1], f"{label}: no": [-2.0]}
    return {"id": str(number), "gold": gold, "nats": nats}


@pytest.fixture
def rows() -> list[dict]:
    """Fifty rows whose probabilities say something of labels a and b; none has the label c: d."""
    drawn = random.Random(0)
    found = []
    for number in range(50):
        gold = [label for label in LABELS[:2] if drawn.random() < 0.3]
        odds = [drawn.gauss(1.5 if label in gold else -1.0, 1.5) - 1 for label in LABELS]
        found.append(row(number, gold, odds))
    return found


def test_yes_is_answered_from_the_threshold_on(rows: list[dict]) -> None:
    """One half decides where no threshold is given; another one moves the decision of its label alone."""
    nats = row(0, [], [0.1, -0.1, math.log(0.3 / 0.7) + 1e-9])["nats"]

    assert labels_said(nats, LABELS, {}) == ["a"]
    assert labels_said(nats, LABELS, {"c: d": 0.3}) == ["a", "c: d"]
    assert labels_said(nats, LABELS, {"a": 0.6, "b": 0.4}) == ["b"]


def test_no_other_threshold_has_a_higher_f1(rows: list[dict]) -> None:
    """Each label's F1 by scikit-learn is the highest that any of 200 thresholds reaches."""
    found = best_thresholds(rows, LABELS)
    for label in LABELS[:2]:
        gold = [label in each["gold"] for each in rows]

        def f1(threshold: float, label: str = label, gold: list[bool] = gold) -> float:
            said = [label in labels_said(each["nats"], LABELS, {label: threshold}) for each in rows]
            return f1_score(gold, said, zero_division=0)

        assert f1(found[label]) == pytest.approx(max(f1(each) for each in np.linspace(0.001, 0.999, 200)), abs=1e-9)


def test_a_label_without_rows_keeps_one_half(rows: list[dict]) -> None:
    """Nothing is known of it; rows that are not labelled play no part."""
    unlabelled = [{**each, "gold": None} for each in rows]

    assert best_thresholds(rows, LABELS)["c: d"] == 0.5
    assert set(best_thresholds(unlabelled, LABELS).values()) == {0.5}
    assert best_thresholds([*rows, *unlabelled], LABELS) == best_thresholds(rows, LABELS)


def test_metrics_see_the_labels_that_reach_their_thresholds(rows: list[dict]) -> None:
    """Facts with thresholds decide the rows of a multilabel task."""
    tuned = best_thresholds(rows, LABELS)
    found = metric_rows(rows, Facts("labels", LABELS, thresholds=tuned), "generated")

    assert list(found.answers) == [labels_said(each["nats"], LABELS, tuned) for each in rows]
    assert found.answers != metric_rows(rows, Facts("labels", LABELS), "generated").answers
