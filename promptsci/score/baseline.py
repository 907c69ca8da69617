"""The majority row: what one gets for knowing nothing but train's label counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from promptsci.score.bootstrap import Estimate, estimates
from promptsci.score.metrics import Metric
from promptsci.score.outcomes import Outcomes, most_frequent


@dataclass(frozen=True)
class Majority:
    """The scores of answering train's most frequent label to every row."""

    label: str
    metrics: dict[str, Estimate]


def majority(
    outcomes: Outcomes, train_label_counts: Mapping[str, int], metrics: Mapping[str, Metric[Outcomes]], *, seed: int = 0
) -> Majority:
    """The scores of answering train's most frequent label to every labelled row.

    Args:
        outcomes: labelled rows; only their gold labels are used.
        train_label_counts: rows of each label in train; a label left out counts 0.
        metrics: what to compute, by name.
        seed: of the intervals.

    Raises:
        DataError: train has no labelled row, or a label the task does not list.
    """
    label = most_frequent(train_label_counts, outcomes.labels)
    same = np.full_like(outcomes.predicted, outcomes.labels.index(label))
    return Majority(label, estimates(replace(outcomes, predicted=same, log_probs=None), metrics, seed=seed))
