"""Split-conformal label sets: labels that hold the right one with a chosen probability, whatever the model is worth.

On validation rows the score of a label is 1 - p(label). A new row's set is every label whose score is no larger than
the ceil((n + 1)(1 - error))-th smallest score of the n validation rows' right labels. If validation and new rows are
drawn from the same source, the set holds the right label with probability at least 1 - error (and at most 1 - error +
1/(n+1) without ties), on average over such draws. The probabilities need not be calibrated. Class-conditional sets hold
the same for each label by itself, at the price of larger sets; a label with too few validation rows is in every set.

Source:
    Vovk, Gammerman and Shafer 2005; Sadinle, Lei and Wasserman 2019, JASA 114; Angelopoulos and Bates 2023,
    arXiv 2107.07511.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from promptsci.errors import DataError
from promptsci.score.outcomes import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class LabelSets:
    """How label sets fared on labelled rows.

    Args:
        error: the error that was asked for.
        by_class: whether it was asked for each label.
        n_validation: rows the thresholds come from.
        coverage: the share of rows whose set holds the right label.
        mean_size: labels in a set, on average.
        single: the share of sets with one label: rows that can be labelled without a person.
        empty: the share of empty sets.
        class_coverage: the coverage of each label's rows; None where it has no row.
        thresholds: the largest 1 - p that lets each label in; above 1 the label is in every set.
    """

    error: float
    by_class: bool
    n_validation: int
    coverage: float
    mean_size: float
    single: float
    empty: float
    class_coverage: dict[str, float | None]
    thresholds: dict[str, float]


def thresholds(log_probs: FloatArray, gold: IntArray, error: float, *, by_class: bool = False) -> FloatArray:
    """The largest 1 - p that lets each label into a set [C]; infinite where rows are too few for the error.

    Args:
        log_probs: normalised log-probabilities of validation rows [N, C].
        gold: their right labels [N].
        error: how often a set may miss the right label, in (0, 1).
        by_class: whether that is to hold for each label by itself.

    Raises:
        DataError: the error is not in (0, 1), or there is no row.
    """
    check_error(error)
    if not len(gold):
        raise DataError("label sets need labelled validation rows")
    scores = 1 - np.exp(log_probs[np.arange(len(gold)), gold])
    n_labels = log_probs.shape[1]
    if not by_class:
        return np.full(n_labels, conformal_quantile(scores, error))
    return np.array([conformal_quantile(scores[gold == label], error) for label in range(n_labels)])


def check_error(error: float) -> None:
    """Nothing when an error can be asked for.

    Raises:
        DataError: it is not in (0, 1).
    """
    if not 0 < error < 1:
        raise DataError(
            f"an error lies between 0 and 1, not at {error}", fix="Write --error 0.1 for sets that hold 90 %."
        )


def conformal_quantile(scores: FloatArray, error: float) -> float:
    """The ceil((n + 1)(1 - error))-th smallest score [n]: a new row's is no larger with probability 1 - error.

    Infinite where rows are too few for the error.
    """
    # (n + 1)(1 - error) is meant exactly: 0.9 * 10 must not become 9.000000000000002.
    rank = ceil(round((len(scores) + 1) * (1 - error), 9))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")


def label_sets(log_probs: FloatArray, largest: FloatArray) -> BoolArray:
    """Which labels are in each row's set [N, C], from log-probabilities [N, C] and thresholds [C]."""
    # A threshold is some row's 1 - p: compare in the same form, or rounding shuts out that very row.
    held: BoolArray = (1 - np.exp(log_probs)) <= largest
    return held


def judge_sets(
    sets: BoolArray, gold: IntArray, labels: tuple[str, ...], largest: FloatArray, made: tuple[float, bool, int]
) -> LabelSets:
    """How sets [N, C] fare on labelled rows; made is the error, whether by class, and the number of validation rows."""
    held = sets[np.arange(len(gold)), gold]
    sizes = sets.sum(1)
    return LabelSets(
        error=made[0],
        by_class=made[1],
        n_validation=made[2],
        coverage=float(held.mean()),
        mean_size=float(sizes.mean()),
        single=float((sizes == 1).mean()),
        empty=float((sizes == 0).mean()),
        class_coverage={
            label: float(held[gold == place].mean()) if (gold == place).any() else None
            for place, label in enumerate(labels)
        },
        thresholds={label: min(float(bound), 2.0) for label, bound in zip(labels, largest, strict=True)},
    )
