"""Abstention: how often the surest decisions are wrong, and how many can be kept at a chosen error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from promptsci.score.calibration import confidences
from promptsci.score.outcomes import NONE, FloatArray, Outcomes

ERRORS = (0.01, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class RiskCoverage:
    """The error of the surest decisions.

    Args:
        aurc: the area under the curve: the mean error over all coverages 1/n .. 1; less is better.
        best: the area if confidence put every right answer before every wrong one.
        coverage: for each error, the largest share of rows whose surest decisions err no more often.
        risks: the error [n] of the surest 1, 2, ... n decisions; equally sure ones count by their mean.
    """

    aurc: float
    best: float
    coverage: dict[float, float]
    risks: tuple[float, ...]


def risk_coverage(outcomes: Outcomes, errors: Sequence[float] = ERRORS) -> RiskCoverage:
    """The risk-coverage curve of labelled rows with log-probabilities; an invalid answer is unsure and wrong.

    Source:
        El-Yaniv and Wiener 2010, JMLR 11; the area: Geifman, Uziel and El-Yaniv 2019, ICLR.
    """
    valid = outcomes.predicted != NONE
    sure = np.full(len(outcomes), -1.0)
    sure[valid] = confidences(outcomes.where(valid))
    wrong = (outcomes.predicted != outcomes.gold).astype(np.float64)
    risks = _risks(sure, wrong)
    numbers = np.arange(1, len(wrong) + 1)
    kept = {error: float(numbers[risks <= error].max(initial=0) / len(wrong)) for error in errors}
    n_right = int(len(wrong) - wrong.sum())
    best = np.maximum(numbers - n_right, 0) / numbers
    return RiskCoverage(float(risks.mean()), float(best.mean()), kept, tuple(float(risk) for risk in risks))


def _risks(sure: FloatArray, wrong: FloatArray) -> FloatArray:
    """The error [N] of the surest 1 .. N rows; within rows that are equally sure the error is their mean."""
    _, block = np.unique(-sure, return_inverse=True)
    mean_wrong = np.bincount(block, weights=wrong) / np.bincount(block)
    risks: FloatArray = mean_wrong[np.sort(block)].cumsum() / np.arange(1, len(wrong) + 1)
    return risks
