"""Abstention: how often the surest decisions are wrong, and how many can be kept at a chosen error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from promptsci.score.calibration import confidences
from promptsci.score.outcomes import NONE, BoolArray, FloatArray, Outcomes

ERRORS = (0.01, 0.05, 0.1, 0.2)
LEVEL = 0.95
"""How sure it is that kept decisions err no more often than asked."""
CUTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
"""Probabilities from which on decisions may be kept; fixed before any row is seen, so that each can be tested."""


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


@dataclass(frozen=True)
class Cut:
    """From which probability on decisions are kept so that no more of them are wrong than asked.

    Args:
        error: the share of kept decisions that may be wrong.
        level: how sure that is.
        least: the smallest probability of a kept decision; infinite where none can be kept.
        n: validation rows that are kept.
        wrong: how many of them are wrong.
        n_validation: all of them.
    """

    error: float
    level: float
    least: float
    n: int
    wrong: int
    n_validation: int


def cut_at(sure: FloatArray, wrong: BoolArray, error: float, *, level: float = LEVEL) -> Cut:
    """The lowest of the ``CUTS`` whose kept decisions err no more often than asked, shown on validation rows.

    Given how many validation rows are kept at a cut, their errors are binomial. A cut holds if no more of them are
    wrong than would be seen with probability (1 - level) / len(CUTS) at that error (Bonferroni), so that with
    probability level every cut that holds does so for new rows of the same source.

    Args:
        sure: the probability of each decision [N].
        wrong: whether it is wrong [N].
        error: the share of kept decisions that may be wrong, in (0, 1).
        level: how sure that is to be.

    Source:
        Angelopoulos et al. 2021, arXiv 2110.01052 (Learn then Test), with exact binomial tails and Bonferroni.
    """
    from scipy.special import bdtr

    for least in CUTS:
        kept = sure >= least
        n, n_wrong = int(kept.sum()), int(wrong[kept].sum())
        if n and float(bdtr(n_wrong, n, error)) <= (1 - level) / len(CUTS):
            return Cut(error, level, least, n, n_wrong, len(sure))
    return Cut(error, level, float("inf"), 0, 0, len(sure))
