"""Labels that are each asked by themselves: from the log-likelihoods of yes and no to the labels that are answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from promptsci.score.outcomes import BoolArray, FloatArray
from promptsci.spec import RELEVANT
from promptsci.spec.forms import said_of

Row = Mapping[str, Any]
EVEN = 0.5
"""The threshold of a label for which none was tuned."""


def probabilities(nats: Mapping[str, Sequence[float]], labels: Sequence[str]) -> FloatArray:
    """The probability of yes among yes and no [C], from the log-likelihoods (nats) of their tokens."""
    sums = np.array([[sum(nats[said_of(label, said)]) for said in RELEVANT] for label in labels], dtype=np.float64)
    return np.asarray(1 / (1 + np.exp(np.clip(sums[:, 1] - sums[:, 0], -700, 700))), dtype=np.float64)


def labels_said(
    nats: Mapping[str, Sequence[float]], labels: Sequence[str], thresholds: Mapping[str, float]
) -> list[str]:
    """The labels whose probability of yes reaches their threshold, in the task's order."""
    found = probabilities(nats, labels)
    return [label for label, p in zip(labels, found, strict=True) if p >= thresholds.get(label, EVEN)]


def best_thresholds(rows: Iterable[Row], labels: Sequence[str]) -> dict[str, float]:
    """Label -> the threshold with the highest F1 of that label on these labelled rows.

    Of equals the nearest to one half; a label that no row has keeps one half.

    Source: Yang 2001 (SCut), A study of thresholding strategies for text categorization, SIGIR.
    """
    stored = [row for row in rows if row.get("gold") is not None]
    table = np.array([probabilities(row["nats"], labels) for row in stored]).reshape(-1, len(labels))
    golds = np.array([[label in row["gold"] for label in labels] for row in stored], dtype=np.bool_)
    return {
        label: _best(table[:, place], golds.reshape(-1, len(labels))[:, place]) for place, label in enumerate(labels)
    }


def _best(found: FloatArray, gold: BoolArray) -> float:
    if not gold.any():
        return EVEN
    values = np.unique(found)
    # Between any two values lies one threshold; one half itself is tried too.
    tried = np.unique(np.concatenate([(values[1:] + values[:-1]) / 2, values[:1], [EVEN]]))
    said = found[None, :] >= tried[:, None]
    f1 = 2 * (said & gold).sum(axis=1) / (said.sum(axis=1) + gold.sum())
    best = tried[f1 == f1.max()]
    return float(best[np.argmin(np.abs(best - EVEN))])
