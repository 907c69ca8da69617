"""A method from close up: confusion matrix, labels, reliability, risk and coverage, over all of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from promptsci.report.page.answers import RunAnswers
from promptsci.score import NONE, ClassScore, Outcomes, ReliabilityBin, ratio
from promptsci.score.abstention import risk_coverage
from promptsci.score.calibration import reliability

POINTS = 120
"""Points of a curve that are drawn."""


@dataclass(frozen=True)
class Portrait:
    """The answers of a method's runs, pooled.

    Args:
        runs: how many runs.
        counts: answers counted by gold label and decision; the last column counts invalid answers.
        classes: precision, recall, F1 and support of each label.
        bins: the reliability diagram; empty where there are no probabilities.
        risk: (coverage, risk) of answering the surest rows only; empty where there are no probabilities.
        aurc: the area under that curve, the mean risk over all coverages.
    """

    runs: int
    counts: tuple[tuple[int, ...], ...]
    classes: dict[str, ClassScore]
    bins: tuple[ReliabilityBin, ...]
    risk: tuple[tuple[float, float], ...]
    aurc: float | None


def portrait(runs: Sequence[RunAnswers]) -> Portrait | None:
    """The portrait of a method, or None where its answers are no labels of the task."""
    parts = [run.outcomes for run in runs if run.outcomes is not None]
    if not parts:
        return None
    pooled = _pooled(parts)
    valid = pooled.where(pooled.predicted != NONE)
    scored = valid.log_probs is not None and len(valid) > 0
    risk = risk_coverage(pooled) if scored else None
    return Portrait(
        runs=len(parts),
        counts=tuple(tuple(int(count) for count in row) for row in pooled.counts),
        classes=_classes(pooled),
        bins=reliability(valid) if scored else (),
        risk=_drawn(risk.risks) if risk else (),
        aurc=risk.aurc if risk else None,
    )


def _pooled(parts: Sequence[Outcomes]) -> Outcomes:
    """The rows of several runs, one after the other."""
    scored = [part.log_probs for part in parts if part.log_probs is not None]
    return Outcomes(
        labels=parts[0].labels,
        gold=np.concatenate([part.gold for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        seen=np.concatenate([part.seen for part in parts]),
        log_probs=np.concatenate(scored) if len(scored) == len(parts) else None,
    )


def _classes(outcomes: Outcomes) -> dict[str, ClassScore]:
    """What `per_class` says, from the counts alone: a page need not wait for scikit-learn."""
    counts = outcomes.counts.astype(np.float64)
    hits, gold, said = np.diagonal(counts), counts.sum(1), counts[:, :-1].sum(0)
    precision, recall, f1 = ratio(hits, said), ratio(hits, gold), ratio(2 * hits, said + gold)
    return {
        label: ClassScore(float(precision[at]), float(recall[at]), float(f1[at]), int(gold[at]))
        for at, label in enumerate(outcomes.labels)
    }


def _drawn(risk: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The curve's points from the smallest coverage to 1, thinned out."""
    chosen = np.unique(np.linspace(0, len(risk) - 1, POINTS).round().astype(np.int64))
    return tuple((float((at + 1) / len(risk)), risk[at]) for at in chosen)
