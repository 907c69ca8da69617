"""Metrics of one label out of a fixed set, and what exactly each of them averages.

Conventions, the same for all:

- The labels are the task's labels, always: a label without a gold row is not left out of a macro average, it counts 0.
- 0/0 is 0 (scikit-learn's ``zero_division=0``).
- An invalid answer is wrong: it is missing from its gold label's recall and is never dropped from a denominator.
- Rows without a gold label are left out before any metric sees them.

Values come from scikit-learn; ``from_counts`` computes the same number from confusion counts ``[B, C, C+1]`` (gold by
decision, last column invalid) for B resamples at once, and tests hold the two equal. To add a metric, add a `Metric`
to `METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from promptsci.errors import SpecError, did_you_mean
from promptsci.score.outcomes import FloatArray, IntArray, Outcomes

Point = Callable[[IntArray, IntArray, int], float]
FromCounts = Callable[[IntArray], FloatArray]


@dataclass(frozen=True)
class Metric:
    """A number that says how good decisions are.

    Args:
        name: as it is written in task.yaml.
        title: as it is printed.
        kind: the kind of task it is for.
        point: the value from gold [N], predicted [N] (-1 is invalid) and the number of labels.
        from_counts: the values [B] from confusion counts [B, C, C+1], or None where only rows will do.
        higher_is_better: whether more is better.
        averaging: what is averaged over what, and what an invalid answer does.
    """

    name: str
    title: str
    kind: str
    point: Point
    from_counts: FromCounts | None
    higher_is_better: bool
    averaging: str

    def of(self, outcomes: Outcomes) -> float:
        """The value for labelled rows."""
        return self.point(outcomes.gold, outcomes.predicted, len(outcomes.labels))


@dataclass(frozen=True)
class ClassScore:
    """How one label fared: precision, recall, F1, and support (its number of gold rows)."""

    precision: float
    recall: float
    f1: float
    support: int


def per_class(outcomes: Outcomes) -> dict[str, ClassScore]:
    """Precision, recall, F1 and support of every label, in task order; 0/0 is 0."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        outcomes.gold, outcomes.predicted, labels=range(len(outcomes.labels)), zero_division=0
    )
    return {
        label: ClassScore(float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(outcomes.labels, *columns, strict=True)
    }


def f1_by_class(counts: IntArray) -> FloatArray:
    """F1 of every label [B, C] from confusion counts [B, C, C+1]: 2 TP / (gold rows + decided rows)."""
    return _ratio(2 * _hits(counts), counts.sum(-1) + _decided(counts))


def _hits(counts: IntArray) -> IntArray:
    hits: IntArray = np.diagonal(counts, axis1=-2, axis2=-1)
    return hits


def _decided(counts: IntArray) -> IntArray:
    decided: IntArray = counts[..., :-1].sum(-2)
    return decided


def _ratio(above: Any, below: Any) -> FloatArray:
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    ratio: FloatArray = np.divide(above, below, out=np.zeros_like(above), where=below != 0)
    return ratio


def _f1_point(average: str, positions: Sequence[int] | None = None) -> Point:
    def point(gold: IntArray, predicted: IntArray, n_labels: int) -> float:
        from sklearn.metrics import f1_score

        labels = range(n_labels) if positions is None else positions
        return float(f1_score(gold, predicted, labels=labels, average=average, zero_division=0))

    return point


def _accuracy(gold: IntArray, predicted: IntArray, _n_labels: int) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(gold, predicted))


def _mcc(gold: IntArray, predicted: IntArray, _n_labels: int) -> float:
    from sklearn.metrics import matthews_corrcoef

    if len(np.union1d(gold, predicted)) == 1:
        return 0.0  # 0 / 0: scikit-learn answers 0 as well, with a warning
    return float(matthews_corrcoef(gold, predicted))


def _accuracy_from(counts: IntArray) -> FloatArray:
    return _ratio(_hits(counts).sum(-1), counts.sum((-2, -1)))


def _macro_f1_from(counts: IntArray) -> FloatArray:
    return np.asarray(f1_by_class(counts).mean(-1), dtype=np.float64)


def _micro_f1_from(counts: IntArray) -> FloatArray:
    return _ratio(2 * _hits(counts).sum(-1), counts.sum((-2, -1)) + _decided(counts).sum(-1))


def _weighted_f1_from(counts: IntArray) -> FloatArray:
    gold = counts.sum(-1)
    return _ratio((f1_by_class(counts) * gold).sum(-1), gold.sum(-1))


def _mcc_from(counts: IntArray) -> FloatArray:
    # Float before squaring: n² of 64-bit counts is exact up to n of 10^8, products of margins need no more.
    table = counts.astype(np.float64)
    total = table.sum((-2, -1))
    gold, decided = table.sum(-1), table.sum(-2)
    covariance = _hits(counts).sum(-1) * total - (gold * decided[..., :-1]).sum(-1)
    spread = (total**2 - (gold**2).sum(-1)) * (total**2 - (decided**2).sum(-1))
    return _ratio(covariance, np.sqrt(spread))


_INVALID_F1 = "an invalid answer is a miss of its gold label and a false alarm of none"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "Accuracy", "classification", _accuracy, _accuracy_from, True,
            "right rows over all rows; an invalid answer is a wrong row",
        ),
        Metric(
            "macro_f1", "Macro-F1", "classification", _f1_point("macro"), _macro_f1_from, True,
            f"unweighted mean of F1 over all labels of the task; {_INVALID_F1}",
        ),
        Metric(
            "micro_f1", "Micro-F1", "classification", _f1_point("micro"), _micro_f1_from, True,
            f"F1 of the pooled counts; equals accuracy when no answer is invalid; {_INVALID_F1}",
        ),
        Metric(
            "weighted_f1", "Weighted F1", "classification", _f1_point("weighted"), _weighted_f1_from, True,
            f"mean of F1 over the labels, weighted by their gold rows; {_INVALID_F1}",
        ),
        Metric(
            "mcc", "MCC", "classification", _mcc, _mcc_from, True,
            "multiclass Matthews correlation of gold and decision; invalid is one more decision, never right",
        ),
    )
}  # fmt: skip
"""The metrics every classification is scored by, by name."""


def f1_mean_of(labels: Sequence[str], task_labels: Sequence[str]) -> Metric:
    """The unweighted mean of F1 over some labels only, as in TweetEval's stance tasks: ``mean_f1:favor,against``.

    Rows of the other labels stay in: deciding a named label for one of them is a false alarm.

    Raises:
        SpecError: no label, an unknown label, or a label twice.
    """
    positions = _positions(labels, task_labels, "mean_f1")

    def from_counts(counts: IntArray) -> FloatArray:
        return np.asarray(f1_by_class(counts)[..., positions].mean(-1), dtype=np.float64)

    joined = ",".join(labels)
    return Metric(
        f"mean_f1:{joined}", f"Mean F1 ({joined})", "classification", _f1_point("macro", positions), from_counts, True,
        f"unweighted mean of F1 over {' and '.join(labels)}; rows of other labels can be false alarms; {_INVALID_F1}",
    )  # fmt: skip


def f1_pooled_of(labels: Sequence[str], task_labels: Sequence[str]) -> Metric:
    """F1 of the pooled counts of some labels only, as where a negative class is excluded: ``pooled_f1:A,B,C``.

    Raises:
        SpecError: no label, an unknown label, or a label twice.
    """
    positions = _positions(labels, task_labels, "pooled_f1")

    def from_counts(counts: IntArray) -> FloatArray:
        hits = _hits(counts)[..., positions].sum(-1)
        return _ratio(2 * hits, (counts.sum(-1) + _decided(counts))[..., positions].sum(-1))

    joined = ",".join(labels)
    return Metric(
        f"pooled_f1:{joined}", f"Pooled F1 ({joined})", "classification", _f1_point("micro", positions), from_counts,
        True, f"F1 of the pooled counts of {', '.join(labels)}; the other labels are excluded; {_INVALID_F1}",
    )  # fmt: skip


def metric_named(name: str, labels: Sequence[str], *, trust_remote_code: bool = False) -> Metric:
    """The metric that task.yaml spells so, for a task with these labels.

    Raises:
        SpecError: there is no such metric, or it names a label the task does not have.
        DataError: a ``hub:`` metric cannot be fetched.
    """
    head, colon, rest = name.partition(":")
    if colon and head == "hub":
        from promptsci.score.hub import load_hub_metric

        return load_hub_metric(rest, trust_remote_code=trust_remote_code)
    if colon and head in ("mean_f1", "pooled_f1"):
        chosen = [label.strip() for label in rest.split(",") if label.strip()]
        return f1_mean_of(chosen, labels) if head == "mean_f1" else f1_pooled_of(chosen, labels)
    if name not in METRICS:
        known = (*METRICS, "mean_f1:LABEL,LABEL", "pooled_f1:LABEL,LABEL", "hub:NAME")
        raise SpecError(f"there is no metric '{name}'", fix=did_you_mean(name, known))
    return METRICS[name]


def _positions(labels: Sequence[str], task_labels: Sequence[str], metric: str) -> list[int]:
    if not labels:
        raise SpecError(f"{metric} names no label", fix=f"Write {metric}:LABEL,LABEL.")
    for label in labels:
        if label not in task_labels:
            raise SpecError(f"{metric} names '{label}', which is no label", fix=did_you_mean(label, task_labels))
    if len(set(labels)) != len(labels):
        raise SpecError(f"{metric} names a label twice: {', '.join(labels)}")
    return [list(task_labels).index(label) for label in labels]
