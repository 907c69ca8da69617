"""Prevalence: how frequent each label truly is in rows that only a classifier has read, with an interval.

Counting decisions is biased: a classifier that calls too many rows X finds too many X. Two corrections, by what is
known of the labelled validation rows:

- **ppi** (prediction-powered inference): they are a random sample of the same rows. The mean of the labels is corrected
  by how far the decisions on all rows differ from those on the labelled ones, weighed so that a useless classifier does
  no harm (the tuned weight of PPI++). Needs nothing of the classifier.
- **inverted** (the confusion matrix inverted): they come from elsewhere, with other shares of the labels, but within
  each label the classifier errs alike in both. The shares are the non-negative ones, adding to one, whose decisions
  look most like those observed (least squares), and the interval is a bootstrap of both sets of rows.

Source:
    Angelopoulos et al. 2023, Science 382, arXiv 2301.09633; PPI++: Angelopoulos, Duchi and Zrnic 2023, arXiv
    2311.01453. Inversion: Rogan and Gladen 1978, Am. J. Epidemiology 107; Forman 2008, Data Mining and Knowledge
    Discovery 17.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from promptsci.score.bootstrap import LEVEL, Estimate, percentile_interval
from promptsci.score.outcomes import FloatArray, IntArray, confusion_counts

RESAMPLES = 500


def counted(predicted: IntArray, n_labels: int) -> FloatArray:
    """The share of each label among the decisions [C]; invalid ones (-1) are in none."""
    shares: FloatArray = np.bincount(predicted[predicted >= 0], minlength=n_labels) / len(predicted)
    return shares


def ppi_prevalence(
    predicted: IntArray, labelled_predicted: IntArray, labelled_gold: IntArray, n_labels: int
) -> list[Estimate]:
    """Each label's share of the rows of predicted, by prediction-powered inference, with a 95 % interval.

    Args:
        predicted: decisions on the rows of interest [N].
        labelled_predicted: decisions on labelled rows [n], a random sample of the same source.
        labelled_gold: their right labels [n].
        n_labels: C.
    """
    return [
        _ppi(
            (predicted == label).astype(np.float64),
            (labelled_predicted == label).astype(np.float64),
            (labelled_gold == label).astype(np.float64),
        )
        for label in range(n_labels)
    ]


def _ppi(called: FloatArray, labelled_called: FloatArray, is_label: FloatArray) -> Estimate:
    n, n_all = len(is_label), len(called)
    spread = float(labelled_called.var())
    together = float(((is_label - is_label.mean()) * (labelled_called - labelled_called.mean())).mean())
    weight = min(1.0, max(0.0, together / ((1 + n / n_all) * spread))) if spread else 0.0
    value = float(is_label.mean() + weight * (called.mean() - labelled_called.mean()))
    variance = (is_label - weight * labelled_called).var() / n + weight**2 * called.var() / n_all
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * float(np.sqrt(variance))
    return Estimate(min(1.0, max(0.0, value)), max(0.0, value - half), min(1.0, value + half))


def inverted_prevalence(
    predicted: IntArray, labelled_predicted: IntArray, labelled_gold: IntArray, n_labels: int, *, seed: int = 0
) -> list[Estimate]:
    """Each label's share of the rows of predicted, by inverting the confusion matrix, with a 95 % bootstrap interval.

    A label without a labelled row cannot be told from the others; its share is taken as 0.
    """
    rng = np.random.default_rng(seed)
    counts = confusion_counts(labelled_gold, labelled_predicted, n_labels)
    called = np.bincount(np.where(predicted < 0, n_labels, predicted), minlength=n_labels + 1)
    value = _invert(counts, called)
    flat = counts.ravel() / counts.sum()
    tables = rng.multinomial(int(counts.sum()), flat, size=RESAMPLES).reshape(RESAMPLES, *counts.shape)
    calls = rng.multinomial(len(predicted), called / len(predicted), size=RESAMPLES)
    drawn = np.array([_invert(table, call) for table, call in zip(tables, calls, strict=True)])
    return [Estimate(float(value[label]), *percentile_interval(drawn[:, label])) for label in range(n_labels)]


def _invert(counts: IntArray, called: IntArray) -> FloatArray:
    """The shares of labels [C] that would be called as observed, from counts [C, C+1] and calls [C+1]."""
    from scipy.optimize import nnls

    support = counts.sum(1)
    present = np.flatnonzero(support)
    rates = (counts[present] / support[present, None]).T
    # A heavy last row makes the shares add up to one.
    system = np.vstack([rates, np.full(len(present), 1e3)])
    found, _ = nnls(system, np.append(called / called.sum(), 1e3))
    shares = np.zeros(len(counts))
    shares[present] = found / found.sum()
    return shares
