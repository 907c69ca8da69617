"""The sums that metrics of one label out of a fixed set need: for C labels 3 C + 1 of them, not C²."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from promptsci.score.outcomes import NONE, FloatArray, Outcomes
from promptsci.score.sums import FromSums, Table, ratio


def label_rows(outcomes: Outcomes) -> Table:
    """What each labelled row adds [N, 3 C + 1]: hits, gold rows and decisions of each label, and invalid answers."""
    n, c = len(outcomes), len(outcomes.labels)
    lines = np.arange(n)
    table = np.zeros((n, 3 * c + 1), dtype=np.int8)
    right = outcomes.predicted == outcomes.gold
    table[lines[right], outcomes.gold[right]] = 1
    table[lines, c + outcomes.gold] = 1
    table[lines, np.where(outcomes.predicted == NONE, 3 * c, 2 * c + outcomes.predicted)] = 1
    return table


def _parts(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hits, gold rows and decisions of each label, each [..., C]."""
    c = sums.shape[-1] // 3
    return sums[..., :c], sums[..., c : 2 * c], sums[..., 2 * c : 3 * c]


def accuracy_from(sums: FloatArray) -> FloatArray:
    """Right rows over all rows [...]."""
    hits, gold, _ = _parts(sums)
    return ratio(hits.sum(-1), gold.sum(-1))


def f1_by_label(sums: FloatArray) -> FloatArray:
    """F1 of every label [..., C]: 2 hits / (gold rows + decisions)."""
    hits, gold, decided = _parts(sums)
    return ratio(2 * hits, gold + decided)


def macro_f1_from(positions: Sequence[int] | None = None) -> FromSums:
    """The unweighted mean of F1 over all labels, or over those at some positions."""

    def value(sums: FloatArray) -> FloatArray:
        by_label = f1_by_label(sums)
        chosen = by_label if positions is None else by_label[..., list(positions)]
        return np.asarray(chosen.mean(-1), dtype=np.float64)

    return value


def pooled_f1_from(positions: Sequence[int]) -> FromSums:
    """F1 of the pooled counts of the labels at some positions."""
    chosen = list(positions)

    def value(sums: FloatArray) -> FloatArray:
        hits, gold, decided = _parts(sums)
        return ratio(2 * hits[..., chosen].sum(-1), (gold + decided)[..., chosen].sum(-1))

    return value


def micro_f1_from(sums: FloatArray) -> FloatArray:
    """F1 of the pooled counts of all labels [...]."""
    hits, gold, decided = _parts(sums)
    return ratio(2 * hits.sum(-1), gold.sum(-1) + decided.sum(-1))


def weighted_f1_from(sums: FloatArray) -> FloatArray:
    """The mean of F1 over the labels [...], weighted by their gold rows."""
    gold = _parts(sums)[1]
    return ratio((f1_by_label(sums) * gold).sum(-1), gold.sum(-1))


def mcc_from(sums: FloatArray) -> FloatArray:
    """The multiclass Matthews correlation [...]; invalid is one more decision.

    Source:
        Gorodkin 2004, Computational Biology and Chemistry 28, 367-374.
    """
    hits, gold, decided = _parts(sums)
    total = gold.sum(-1)
    covariance = hits.sum(-1) * total - (gold * decided).sum(-1)
    decided_squares = (decided**2).sum(-1) + sums[..., -1] ** 2
    spread = (total**2 - (gold**2).sum(-1)) * (total**2 - decided_squares)
    return ratio(covariance, np.sqrt(spread))
