"""Calibration: does a probability of 0.8 mean right in eight of ten?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from promptsci.score.bootstrap import Estimate, percentile_interval, row_values
from promptsci.score.outcomes import NONE, FloatArray, IntArray, Outcomes

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
    probabilities = np.exp(valid.log_probs)
    confidence = np.take_along_axis(probabilities, valid.predicted[:, None], axis=1)[:, 0]
    right = valid.predicted == valid.gold
    gaps, squares = right - confidence, _squared_errors(probabilities, valid.gold)
    bins = bin_of(confidence)
    return Calibration(
        n=len(valid),
        excluded=outcomes.invalid,
        ece=_estimate(lambda rows: _ece_of(gaps[rows], bins[rows]), len(valid), seed),
        brier=_estimate(lambda rows: squares[rows].mean(-1), len(valid), seed),
        bins=_reliability(confidence, right.astype(np.float64), bins),
    )


def bin_of(confidence: FloatArray) -> IntArray:
    """The bin (i/15, (i+1)/15] each confidence [N] falls in, as i [N]."""
    return np.asarray(np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1), dtype=np.int64)


def expected_calibration_error(log_probs: FloatArray, gold: IntArray) -> float:
    """The ECE: the mean over rows of |accuracy - mean top probability| of the row's bin, 15 equal-width bins.

    Args:
        log_probs: normalised log-probabilities [N, C].
        gold: right labels [N].

    Source:
        Guo et al. 2017, arXiv 1706.04599, eq. 3.
    """
    top = log_probs.argmax(-1)
    confidence = np.exp(log_probs.max(-1))
    return float(_ece_of(((top == gold) - confidence)[None], bin_of(confidence)[None])[0])


def brier_score(log_probs: FloatArray, gold: IntArray) -> float:
    """The multiclass Brier score, from 0 to 2: the mean over rows of the sum over labels of (p - [gold])².

    Args:
        log_probs: normalised log-probabilities [N, C].
        gold: right labels [N].

    Source:
        Brier 1950, eq. 2.
    """
    return float(_squared_errors(np.exp(log_probs), gold).mean())


def _squared_errors(probabilities: FloatArray, gold: IntArray) -> FloatArray:
    right = np.zeros_like(probabilities)
    right[np.arange(len(gold)), gold] = 1.0
    squares: FloatArray = ((probabilities - right) ** 2).sum(-1)
    return squares


def _ece_of(gaps: FloatArray, bins: IntArray) -> FloatArray:
    lines, n = gaps.shape
    places = bins + BINS * np.arange(lines)[:, None]
    sums = np.bincount(places.ravel(), weights=gaps.ravel(), minlength=lines * BINS).reshape(lines, BINS)
    ece: FloatArray = np.abs(sums).sum(-1) / n
    return ece


def _estimate(statistic: Callable[[IntArray], FloatArray], n: int, seed: int) -> Estimate:
    value = float(statistic(np.arange(n)[None])[0])
    return Estimate(value, *percentile_interval(row_values(statistic, n, seed=seed)))


def _reliability(confidence: FloatArray, right: FloatArray, bins: IntArray) -> tuple[ReliabilityBin, ...]:
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
