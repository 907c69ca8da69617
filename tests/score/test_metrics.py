"""Claims about metrics; scikit-learn is the oracle."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.errors import SpecError
from promptsci.score.metrics import METRICS, Metric, f1_by_class, metric_named, per_class
from promptsci.score.outcomes import confusion_counts

TASK = tuple("ABCDE")


@st.composite
def decided(draw: Any, min_size: int = 1) -> tuple[Any, Any, int]:
    """Gold, predicted (-1 is invalid) and the number of labels; labels may be absent from either."""
    n_labels = draw(st.integers(2, 5))
    rows = st.tuples(st.integers(0, n_labels - 1), st.integers(-1, n_labels - 1))
    pairs = draw(st.lists(rows, min_size=min_size, max_size=40))
    gold, predicted = np.array(pairs, dtype=np.int64).T
    return gold, predicted, n_labels


def _oracle(name: str, gold: Any, predicted: Any, n_labels: int) -> float:
    labels = list(range(n_labels))
    if name == "accuracy":
        return float(sk.accuracy_score(gold, predicted))
    if name == "mcc":
        return float(sk.matthews_corrcoef(gold, predicted))
    average = name.removesuffix("_f1")
    return float(sk.f1_score(gold, predicted, labels=labels, average=average, zero_division=0))


@settings(deadline=None, max_examples=60)
@given(decided())
def test_every_metric_equals_scikit_learn(case: Any) -> None:
    """Point values and values from counts both equal scikit-learn's, with absent labels and invalid answers."""
    gold, predicted, n_labels = case
    counts = confusion_counts(gold, predicted, n_labels)[None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, metric in METRICS.items():
            expected = _oracle(name, gold, predicted, n_labels)
            assert metric.point(gold, predicted, n_labels) == pytest.approx(expected, abs=1e-12), name
            assert metric.from_counts is not None
            assert metric.from_counts(counts)[0] == pytest.approx(expected, abs=1e-12), name


@settings(deadline=None, max_examples=60)
@given(decided(min_size=3), st.data())
def test_label_subsets_equal_scikit_learn(case: Any, data: Any) -> None:
    """mean_f1 and pooled_f1 equal scikit-learn's F1 over those labels, both ways of computing it."""
    gold, predicted, n_labels = case
    some = data.draw(st.lists(st.sampled_from(TASK[:n_labels]), min_size=1, unique=True))
    positions = [TASK.index(label) for label in some]
    for head, average in (("mean_f1", "macro"), ("pooled_f1", "micro")):
        metric = metric_named(f"{head}:{','.join(some)}", TASK[:n_labels])
        expected = sk.f1_score(gold, predicted, labels=positions, average=average, zero_division=0)
        assert metric.point(gold, predicted, n_labels) == pytest.approx(expected, abs=1e-12)
        assert metric.from_counts is not None
        counts = confusion_counts(gold, predicted, n_labels)[None]
        assert metric.from_counts(counts)[0] == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(decided())
def test_confusion_and_classes_equal_scikit_learn(case: Any) -> None:
    """Counts are scikit-learn's confusion matrix with invalid as one more column; per-class F1 agrees with it."""
    gold, predicted, n_labels = case
    counts = confusion_counts(gold, predicted, n_labels)
    moved = np.where(predicted == -1, n_labels, predicted)
    matrix = sk.confusion_matrix(gold, moved, labels=range(n_labels + 1))
    np.testing.assert_array_equal(counts, matrix[:n_labels])
    expected = sk.f1_score(gold, predicted, labels=range(n_labels), average=None, zero_division=0)
    np.testing.assert_allclose(f1_by_class(counts[None])[0], expected, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(decided(min_size=2), st.randoms())
def test_row_order_does_not_matter(case: Any, random: Any) -> None:
    """Every metric is the same for any order of the rows."""
    gold, predicted, n_labels = case
    order = list(range(len(gold)))
    random.shuffle(order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in METRICS.values():
            turned = metric.point(gold[order], predicted[order], n_labels)
            assert turned == pytest.approx(metric.point(gold, predicted, n_labels), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_an_invalid_answer_never_helps(name: str) -> None:
    """Turning a right answer into an invalid one lowers every metric, and rows are not dropped."""
    gold = np.array([0, 0, 1, 1, 2, 2, 2])
    predicted = np.array([0, 1, 1, 1, 2, 2, 0])
    spoiled = predicted.copy()
    spoiled[0] = -1
    assert METRICS[name].point(gold, spoiled, 3) < METRICS[name].point(gold, predicted, 3)
    assert METRICS["accuracy"].point(gold, spoiled, 3) == pytest.approx(4 / 7)


def test_an_absent_label_counts_zero() -> None:
    """Macro-F1 averages over the task's labels, not over those that happen to occur."""
    gold = np.array([0, 0, 1])
    assert METRICS["macro_f1"].point(gold, gold, 4) == pytest.approx(0.5)


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
    gold, predicted = np.array([0, 0, 1, 1, 2, 2]), np.array([2, 0, 1, 0, 2, 2])
    metric = metric_named("mean_f1: favor, against", labels)
    assert metric.name == "mean_f1:favor,against"
    assert metric.point(gold, predicted, 3) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_registry_takes_new_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric added to METRICS is found by its name."""
    added = Metric("errors", "Errors", "classification", lambda g, p, _: float((g != p).sum()), None, False, "count")
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
