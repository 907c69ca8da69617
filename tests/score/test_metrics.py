"""Claims about metrics; scikit-learn is the oracle."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.errors import SpecError
from promptsci.score.label_sums import f1_by_label, label_rows
from promptsci.score.metrics import METRICS, Metric, metric_named, per_class
from promptsci.score.outcomes import Outcomes, confusion_counts

TASK = tuple("ABCDE")


def _outcomes(gold: Any, predicted: Any, n_labels: int) -> Outcomes:
    gold, predicted = np.asarray(gold, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    return Outcomes(TASK[:n_labels], gold, predicted, np.zeros(len(gold), dtype=bool))


@st.composite
def decided(draw: Any, min_size: int = 1) -> Outcomes:
    """Decided rows (-1 is invalid) of two to five labels; labels may be absent from gold or decisions."""
    n_labels = draw(st.integers(2, 5))
    rows = st.tuples(st.integers(0, n_labels - 1), st.integers(-1, n_labels - 1))
    gold, predicted = np.array(draw(st.lists(rows, min_size=min_size, max_size=40)), dtype=np.int64).T
    return _outcomes(gold, predicted, n_labels)


def _from_sums(metric: Metric[Outcomes]) -> Callable[[Outcomes], float]:
    assert metric.sums is not None
    return metric.sums.of


def _oracle(name: str, rows: Outcomes) -> float:
    labels = list(range(len(rows.labels)))
    if name == "accuracy":
        return float(sk.accuracy_score(rows.gold, rows.predicted))
    if name == "mcc":
        return float(sk.matthews_corrcoef(rows.gold, rows.predicted))
    average = name.removesuffix("_f1")
    return float(sk.f1_score(rows.gold, rows.predicted, labels=labels, average=average, zero_division=0))


@given(decided())
@settings(max_examples=60)
def test_every_metric_equals_scikit_learn(rows: Outcomes) -> None:
    """Point values and values from sums both equal scikit-learn's, with absent labels and invalid answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, metric in METRICS.items():
            expected = _oracle(name, rows)
            assert metric.point(rows) == pytest.approx(expected, abs=1e-12), name
            assert _from_sums(metric)(rows) == pytest.approx(expected, abs=1e-12), name


@given(decided(min_size=3), st.data())
@settings(max_examples=60)
def test_label_subsets_equal_scikit_learn(rows: Outcomes, data: Any) -> None:
    """mean_f1 and pooled_f1 equal scikit-learn's F1 over those labels, both ways of computing it."""
    some = data.draw(st.lists(st.sampled_from(rows.labels), min_size=1, unique=True))
    positions = [TASK.index(label) for label in some]
    for head, average in (("mean_f1", "macro"), ("pooled_f1", "micro")):
        metric = metric_named(f"{head}:{','.join(some)}", rows.labels)
        expected = sk.f1_score(rows.gold, rows.predicted, labels=positions, average=average, zero_division=0)
        assert metric.point(rows) == pytest.approx(expected, abs=1e-12)
        assert _from_sums(metric)(rows) == pytest.approx(expected, abs=1e-12)


@given(decided())
@settings(max_examples=60)
def test_confusion_and_classes_equal_scikit_learn(rows: Outcomes) -> None:
    """Counts are scikit-learn's confusion matrix with invalid as one more column; per-class F1 agrees with it."""
    n_labels = len(rows.labels)
    counts = confusion_counts(rows.gold, rows.predicted, n_labels)
    moved = np.where(rows.predicted == -1, n_labels, rows.predicted)
    matrix = sk.confusion_matrix(rows.gold, moved, labels=range(n_labels + 1))
    np.testing.assert_array_equal(counts, matrix[:n_labels])
    expected = sk.f1_score(rows.gold, rows.predicted, labels=range(n_labels), average=None, zero_division=0)
    np.testing.assert_allclose(f1_by_label(label_rows(rows).sum(0)), expected, atol=1e-12)


@given(decided())
@settings(max_examples=60)
def test_sums_are_the_margins_of_the_confusion_counts(rows: Outcomes) -> None:
    """The 3 C + 1 sums are the diagonal, the row sums, and the column sums of the confusion counts."""
    counts = confusion_counts(rows.gold, rows.predicted, len(rows.labels))
    expected = np.concatenate([np.diagonal(counts), counts.sum(1), counts.sum(0)])
    np.testing.assert_array_equal(label_rows(rows).sum(0), expected)


@given(decided(min_size=2), st.randoms())
@settings(max_examples=60)
def test_row_order_does_not_matter(rows: Outcomes, random: Any) -> None:
    """Every metric is the same for any order of the rows."""
    order = list(range(len(rows)))
    random.shuffle(order)
    turned = rows.take(np.array(order))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in METRICS.values():
            assert metric.point(turned) == pytest.approx(metric.point(rows), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_an_invalid_answer_never_helps(name: str) -> None:
    """Turning a right answer into an invalid one lowers every metric, and rows are not dropped."""
    gold = np.array([0, 0, 1, 1, 2, 2, 2])
    predicted = np.array([0, 1, 1, 1, 2, 2, 0])
    spoiled = predicted.copy()
    spoiled[0] = -1
    whole, broken = _outcomes(gold, predicted, 3), _outcomes(gold, spoiled, 3)
    for value in (METRICS[name].point, _from_sums(METRICS[name])):
        assert value(broken) < value(whole)
    assert METRICS["accuracy"].point(broken) == pytest.approx(4 / 7)


def test_an_absent_label_counts_zero() -> None:
    """Macro-F1 averages over the task's labels, not over those that happen to occur."""
    rows = _outcomes([0, 0, 1], [0, 0, 1], 4)
    assert METRICS["macro_f1"].point(rows) == pytest.approx(0.5)
    assert _from_sums(METRICS["macro_f1"])(rows) == pytest.approx(0.5)


def test_per_class_equals_scikit_learn(make_outcomes: Any) -> None:
    """Precision, recall, F1 and support equal scikit-learn's report, in task order."""
    outcomes = make_outcomes([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, -1, 0], n_labels=4)
    report = sk.classification_report(
        outcomes.gold, outcomes.predicted, labels=range(4), output_dict=True, zero_division=0
    )
    found = per_class(outcomes)
    assert list(found) == ["A", "B", "C", "D"]
    for position, score in enumerate(found.values()):
        expected = report[str(position)]
        assert (score.precision, score.recall, score.f1) == pytest.approx(
            (expected["precision"], expected["recall"], expected["f1-score"])
        )
        assert score.support == expected["support"]


def test_stance_metric_by_hand() -> None:
    """mean_f1:favor,against is the mean of two F1s; a 'none' row called favor is a false alarm."""
    labels = ("none", "against", "favor")
    rows = replace(_outcomes([0, 0, 1, 1, 2, 2], [2, 0, 1, 0, 2, 2], 3), labels=labels)
    metric = metric_named("mean_f1: favor, against", labels)
    assert metric.name == "mean_f1:favor,against"
    assert metric.point(rows) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_registry_takes_new_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric added to METRICS is found by its name."""
    added = Metric(
        "errors", "Errors", "classification", lambda rows: float((rows.gold != rows.predicted).sum()), None, False, "-"
    )
    monkeypatch.setitem(METRICS, "errors", added)
    assert metric_named("errors", TASK) is added
    assert all(metric.averaging and metric.title for metric in METRICS.values())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("macro-f1", "Did you mean 'macro_f1'"),
        ("bleu", "there is no metric 'bleu'"),
        ("mean_f1:A,X", "names 'X', which is no label"),
        ("mean_f1:", "names no label"),
        ("pooled_f1:A,A", "names a label twice"),
        ("hub:", "names no metric"),
    ],
)
def test_wrong_names_are_answered(name: str, message: str) -> None:
    """A metric that cannot be meant is a SpecError with the nearest spelling."""
    with pytest.raises(SpecError, match=message):
        metric_named(name, TASK)
