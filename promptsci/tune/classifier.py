"""Methods that read no prompt: they learn from labelled texts; most answer with a probability for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from promptsci.score import Facts, Metric, Outcomes, decide
from promptsci.score.decide import normalise
from promptsci.score.outcomes import FloatArray, IntArray

Answer = dict[str, Any]
"""What a row of predictions.jsonl says of its answer: log-probabilities, or what was answered."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Texts [N] with what is right of them.

    Args:
        texts: as they are read.
        golds: their labels [N] as positions in the task's labels; empty where a row has not one label.
        rows: what predictions.jsonl says of each beside the answer: id, right answer, and what a judgement must know.
    """

    texts: tuple[str, ...]
    golds: IntArray
    rows: tuple[Mapping[str, Any], ...] = ()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Lessons:
    """What a classifier may learn from.

    Args:
        facts: what a judgement of rows needs to know; its labels are the task's, in task order [C].
        whole: all labelled rows of the split that is learned from.
        train: those of them that validation does not hold out.
        validation: the rows by which settings are chosen.
        metric: by which they are chosen; the first of the task's.
        seed: of all that is random.
    """

    facts: Facts
    whole: Labelled
    train: Labelled
    validation: Labelled
    metric: Metric[Any]
    seed: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The task's labels in task order [C]."""
        return self.facts.labels

    @property
    def sign(self) -> int:
        """-1 where less of the metric is better, otherwise 1."""
        return 1 if self.metric.higher_is_better else -1

    def value(self, log_probs: FloatArray, rows: Labelled) -> float:
        """The metric of log-probabilities [N, C] for rows, oriented so that more is better."""
        seen = np.zeros(len(rows), dtype=np.bool_)
        outcomes = Outcomes(self.labels, rows.golds, decide(log_probs), seen, log_probs)
        return self.sign * self.metric.point(outcomes)


def label_answers(labels: Sequence[str], log_probs: FloatArray) -> list[Answer]:
    """What predictions.jsonl says of rows with these log-probabilities [N, C], in nats to six decimals."""
    return [
        {"nats": {label: [round(float(x), 6)] for label, x in zip(labels, nats, strict=True)}} for nats in log_probs
    ]


class Backend(NamedTuple):
    """The library that computes, in which numbers, and where."""

    backend: str
    dtype: str
    device: str


class Fitted(Protocol):
    """A classifier that has learned.

    Attributes:
        training: what run.json says of the training: ``seconds``, ``examples``, ``trainable_parameters`` and more.
    """

    training: dict[str, Any]

    @property
    def backend(self) -> Backend:
        """What computes."""
        ...

    @property
    def computed(self) -> int:
        """Tokens that have gone through a model to score texts; 0 where there is no model."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the result must say."""
        ...

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """What predictions.jsonl says of the answer about each text; log-probabilities are finite."""
        ...


class Classifier(Protocol):
    """A method that learns from labelled texts.

    Attributes:
        name: of the method.
        forms: the forms of answers that it can give.
        chooses: whether it chooses settings, for which it needs validation rows.
    """

    name: str
    forms: tuple[str, ...]
    chooses: bool

    def identity(self) -> dict[str, Any]:
        """All settings that decide what is learned from the same lessons."""
        ...

    def fit(self, lessons: Lessons, home: Path) -> Fitted:
        """The classifier, fitted.

        Args:
            lessons: what it may learn from.
            home: the folder of the run, for what must be kept.

        Raises:
            DataError: nothing can be learned from these rows.
        """
        ...


def with_absent(log_probs: FloatArray, present: IntArray, n_labels: int, n_rows: int) -> FloatArray:
    """Log-probabilities over all labels [N, C] from those over the labels that train has [N, P].

    A label without a row in train gets the share of half a row, so that its logarithm is a number; it is never the most
    probable one.
    """
    if len(present) == n_labels:
        return log_probs
    all_labels = np.full((len(log_probs), n_labels), np.log(0.5 / n_rows))
    all_labels[:, present] = log_probs
    return normalise(all_labels)


def absent_notes(golds: IntArray, labels: Sequence[str]) -> tuple[str, ...]:
    """What to say of labels that no row of train has."""
    absent = [label for position, label in enumerate(labels) if position not in golds]
    if not absent:
        return ()
    return (f"no row to learn from has the label {', '.join(absent)}, which is therefore never answered",)
