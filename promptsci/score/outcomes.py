"""Decided rows: what was right, what was said, and how sure the model was. All that a metric may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promptsci.errors import DataError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NONE = -1
"""Stands in ``gold`` for "no gold label" and in ``predicted`` for "no valid answer"."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Decided rows of one task; labels are positions in ``labels``.

    Args:
        labels: the task's labels in task order [C].
        gold: the right label [N], ``NONE`` where the row has none.
        predicted: the decided label [N], ``NONE`` for an invalid answer, which counts as wrong everywhere.
        seen: the row's text also stands in train [N].
        log_probs: normalised log-probabilities over the labels [N, C], or None where nothing was scored (generation).
    """

    labels: tuple[str, ...]
    gold: IntArray
    predicted: IntArray
    seen: BoolArray
    log_probs: FloatArray | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.gold)

    @property
    def invalid(self) -> int:
        """The number of rows without a valid answer."""
        return int((self.predicted == NONE).sum())

    @property
    def counts(self) -> IntArray:
        """The confusion counts of these rows [C, C+1]."""
        return confusion_counts(self.gold, self.predicted, len(self.labels))

    def take(self, rows: IntArray) -> Outcomes:
        """The rows at these positions [M], in their order."""
        log_probs = None if self.log_probs is None else self.log_probs[rows]
        return replace(
            self, gold=self.gold[rows], predicted=self.predicted[rows], seen=self.seen[rows], log_probs=log_probs
        )

    def where(self, mask: BoolArray) -> Outcomes:
        """The rows at which mask [N] is true."""
        return self.take(np.flatnonzero(mask))

    def labelled(self) -> Outcomes:
        """The rows that have a gold label: the only ones a metric sees.

        Raises:
            DataError: there is no such row.
        """
        mask = self.gold != NONE
        if not mask.any():
            raise DataError(
                f"none of the {len(self)} rows has a gold label, so there is nothing to score",
                fix="Score a split that has labels; predictions.jsonl holds the decisions all the same.",
            )
        return self.where(mask)


def confusion_counts(gold: IntArray, predicted: IntArray, n_labels: int) -> IntArray:
    """The number of rows for each gold label and decision [C, C+1]; the last column counts invalid answers."""
    columns = n_labels + 1
    cells = gold * columns + np.where(predicted == NONE, n_labels, predicted)
    return np.bincount(cells, minlength=n_labels * columns).reshape(n_labels, columns).astype(np.int64)


def most_frequent(label_counts: Mapping[str, int], labels: Sequence[str]) -> str:
    """The label counted most often; of several the one that stands first in labels.

    Raises:
        DataError: a counted label is not among the labels, or nothing was counted.
    """
    unknown = [label for label in label_counts if label not in labels]
    if unknown:
        raise DataError(f"train has the label '{unknown[0]}', which the task does not list")
    if not any(label_counts.values()):
        raise DataError("train has no labelled row, so there is no most frequent label")
    return max(labels, key=lambda label: label_counts.get(label, 0))
