"""Calibration: does a probability of 0.8 mean right in eight of ten?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from promptsci.score.bootstrap import ROW_RESAMPLES, Estimate, percentile_interval, resampled
from promptsci.score.outcomes import NONE, FloatArray, IntArray, Outcomes
from promptsci.score.sums import Sums, Table, families, mean_of_rows, mean_of_sums, ratio

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose top probability lies in (low, high]: how many, how sure on average, how often right.

    ``confidence`` and ``accuracy`` are None in an empty bin.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """Calibration of the rows that have a valid answer; ``excluded`` counts the invalid ones."""

    n: int
    excluded: int
    ece: Estimate
    brier: Estimate
    bins: tuple[ReliabilityBin, ...]


def calibration(outcomes: Outcomes, *, seed: int = 0) -> Calibration | None:
    """Calibration of labelled rows, or None where there are no probabilities to judge (or no valid answer).

    Intervals are percentile bootstrap over rows. Resampling noise only ever adds to the ECE, which is a sum of absolute
    values, so its interval lies too high for few rows; read it as a range of what such rows give, not of the truth.
    """
    valid = outcomes.where(outcomes.predicted != NONE)
    if valid.log_probs is None or not len(valid):
        return None
    values = resampled(families(valid, CALIBRATION), resamples=ROW_RESAMPLES, seed=seed)
    found = {name: Estimate(sums.of(valid), *percentile_interval(values[name])) for name, sums in CALIBRATION.items()}
    return Calibration(
        n=len(valid), excluded=outcomes.invalid, ece=found["ece"], brier=found["brier"], bins=reliability(valid)
    )


def confidences(outcomes: Outcomes) -> FloatArray:
    """The probability of each row's decision [N], from rows that have log-probabilities and a valid answer."""
    assert outcomes.log_probs is not None
    sure: FloatArray = np.exp(np.take_along_axis(outcomes.log_probs, outcomes.predicted[:, None], axis=1)[:, 0])
    return sure


def ece_rows(outcomes: Outcomes) -> Table:
    """What each row adds to the ECE [N, 16]: right - sure in the column of its bin, then 1."""
    sure = confidences(outcomes)
    table = np.zeros((len(outcomes), BINS + 1))
    table[np.arange(len(outcomes)), bin_of(sure)] = (outcomes.predicted == outcomes.gold) - sure
    table[:, -1] = 1
    return table


def ece_from(sums: FloatArray) -> FloatArray:
    """The ECE [...] from the sums of `ece_rows` [..., 16].

    It is the mean over rows of |accuracy - mean top probability| of the row's bin, 15 equal-width bins.

    Source:
        Guo et al. 2017, arXiv 1706.04599, eq. 3.
    """
    return ratio(np.abs(sums[..., :-1]).sum(-1), sums[..., -1])


def brier_rows(outcomes: Outcomes) -> Table:
    """What each row adds to the multiclass Brier score [N, 2]: the sum over labels of (p - [gold])², and 1.

    The score lies between 0 and 2.

    Source:
        Brier 1950, eq. 2.
    """
    assert outcomes.log_probs is not None
    gaps = np.exp(outcomes.log_probs)
    gaps[np.arange(len(outcomes)), outcomes.gold] -= 1
    return mean_of_rows((gaps**2).sum(-1))


CALIBRATION: dict[str, Sums[Outcomes]] = {
    "ece": Sums(ece_rows, ece_from),
    "brier": Sums(brier_rows, mean_of_sums),
}
"""Calibration of rows that have log-probabilities, a gold label and a valid answer."""


def bin_of(confidence: FloatArray) -> IntArray:
    """The bin (i/15, (i+1)/15] each confidence [N] falls in, as i [N]."""
    return np.asarray(np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1), dtype=np.int64)


def reliability(outcomes: Outcomes) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram of rows that have log-probabilities and a valid answer."""
    confidence = confidences(outcomes)
    bins, right = bin_of(confidence), (outcomes.predicted == outcomes.gold).astype(np.float64)
    counts = np.bincount(bins, minlength=BINS)
    sure = np.bincount(bins, weights=confidence, minlength=BINS)
    hits = np.bincount(bins, weights=right, minlength=BINS)
    return tuple(
        ReliabilityBin(
            low=index / BINS,
            high=(index + 1) / BINS,
            n=int(count),
            confidence=float(sure[index] / count) if count else None,
            accuracy=float(hits[index] / count) if count else None,
        )
        for index, count in enumerate(counts)
    )
