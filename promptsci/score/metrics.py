"""Metrics of one label out of a fixed set, and what exactly each of them averages.

Conventions, the same for all:

- The labels are the task's labels, always: a label without a gold row is not left out of a macro average, it counts 0.
- 0/0 is 0 (scikit-learn's ``zero_division=0``).
- An invalid answer is wrong: it is missing from its gold label's recall and is never dropped from a denominator.
- Rows without a gold label are left out before any metric sees them.

Values come from scikit-learn; `Metric.sums` computes the same number from sums over rows, for many resamples at once,
and tests hold the two equal. To add a metric, add a `Metric` to `METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from promptsci.errors import SpecError, did_you_mean
from promptsci.score.label_sums import (
    accuracy_from,
    label_rows,
    macro_f1_from,
    mcc_from,
    micro_f1_from,
    pooled_f1_from,
    weighted_f1_from,
)
from promptsci.score.outcomes import Outcomes
from promptsci.score.sums import FromSums, O, Sums

Point = Callable[[Outcomes], float]


@dataclass(frozen=True)
class Metric(Generic[O]):
    """A number that says how good the outcomes of a kind of task are.

    Args:
        name: as it is written in task.yaml.
        title: as it is printed.
        kind: the kind of task it is for.
        point: the value for labelled rows, by a library where there is one.
        sums: the same value from sums over rows, or None where only the rows themselves will do (``hub:``).
        higher_is_better: whether more is better.
        averaging: what is averaged over what, and what an invalid answer does.
    """

    name: str
    title: str
    kind: str
    point: Callable[[O], float]
    sums: Sums[O] | None
    higher_is_better: bool
    averaging: str


def summed(name: str, title: str, kind: str, sums: Sums[O], averaging: str) -> Metric[O]:
    """A metric of which more is better and whose value is that of its sums."""
    return Metric(name, title, kind, sums.of, sums, True, averaging)


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


def _f1_point(average: str, positions: Sequence[int] | None = None) -> Point:
    def point(outcomes: Outcomes) -> float:
        from sklearn.metrics import f1_score

        labels = range(len(outcomes.labels)) if positions is None else positions
        return float(f1_score(outcomes.gold, outcomes.predicted, labels=labels, average=average, zero_division=0))

    return point


def _accuracy(outcomes: Outcomes) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(outcomes.gold, outcomes.predicted))


def _mcc(outcomes: Outcomes) -> float:
    from sklearn.metrics import matthews_corrcoef

    if len(np.union1d(outcomes.gold, outcomes.predicted)) == 1:
        return 0.0  # 0 / 0: scikit-learn answers 0 as well, with a warning
    return float(matthews_corrcoef(outcomes.gold, outcomes.predicted))


_INVALID_F1 = "an invalid answer is a miss of its gold label and a false alarm of none"


def label_metric(name: str, title: str, point: Point, value: FromSums, averaging: str) -> Metric[Outcomes]:
    """A metric of gold and decided labels, from the sums of `label_rows`; more is better."""
    return Metric(name, title, "classification", point, Sums(label_rows, value), True, averaging)


METRICS: dict[str, Metric[Outcomes]] = {
    metric.name: metric
    for metric in (
        label_metric(
            "accuracy", "Accuracy", _accuracy, accuracy_from,
            "right rows over all rows; an invalid answer is a wrong row",
        ),
        label_metric(
            "macro_f1", "Macro-F1", _f1_point("macro"), macro_f1_from(),
            f"unweighted mean of F1 over all labels of the task; {_INVALID_F1}",
        ),
        label_metric(
            "micro_f1", "Micro-F1", _f1_point("micro"), micro_f1_from,
            f"F1 of the pooled counts; equals accuracy when no answer is invalid; {_INVALID_F1}",
        ),
        label_metric(
            "weighted_f1", "Weighted F1", _f1_point("weighted"), weighted_f1_from,
            f"mean of F1 over the labels, weighted by their gold rows; {_INVALID_F1}",
        ),
        label_metric(
            "mcc", "MCC", _mcc, mcc_from,
            "multiclass Matthews correlation of gold and decision; invalid is one more decision, never right",
        ),
    )
}  # fmt: skip
"""The metrics every classification is scored by, by name."""


def f1_mean_of(labels: Sequence[str], task_labels: Sequence[str]) -> Metric[Outcomes]:
    """The unweighted mean of F1 over some labels only, as in TweetEval's stance tasks: ``mean_f1:favor,against``.

    Rows of the other labels stay in: deciding a named label for one of them is a false alarm.

    Raises:
        SpecError: no label, an unknown label, or a label twice.
    """
    positions = _positions(labels, task_labels, "mean_f1")
    joined = ",".join(labels)
    return label_metric(
        f"mean_f1:{joined}", f"Mean F1 ({joined})", _f1_point("macro", positions), macro_f1_from(positions),
        f"unweighted mean of F1 over {' and '.join(labels)}; rows of other labels can be false alarms; {_INVALID_F1}",
    )  # fmt: skip


def f1_pooled_of(labels: Sequence[str], task_labels: Sequence[str]) -> Metric[Outcomes]:
    """F1 of the pooled counts of some labels only, as where a negative class is excluded: ``pooled_f1:A,B,C``.

    Raises:
        SpecError: no label, an unknown label, or a label twice.
    """
    positions = _positions(labels, task_labels, "pooled_f1")
    joined = ",".join(labels)
    return label_metric(
        f"pooled_f1:{joined}", f"Pooled F1 ({joined})", _f1_point("micro", positions), pooled_f1_from(positions),
        f"F1 of the pooled counts of {', '.join(labels)}; the other labels are excluded; {_INVALID_F1}",
    )  # fmt: skip


def metric_named(name: str, labels: Sequence[str], *, trust_remote_code: bool = False) -> Metric[Outcomes]:
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
