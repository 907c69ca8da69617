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


def call_counts(predicted: IntArray, n_labels: int) -> IntArray:
    """How many decisions [N] call each label [C+1]; the last counts invalid ones."""
    counts = np.bincount(np.where(predicted < 0, n_labels, predicted), minlength=n_labels + 1)
    return counts.astype(np.int64)


def ppi_prevalence(called: IntArray, labelled_predicted: IntArray, labelled_gold: IntArray) -> list[Estimate]:
    """Each label's share of the rows of interest, by prediction-powered inference, with a 95 % interval.

    Args:
        called: how many of those rows are called each label, and invalid [C+1]; see `call_counts`.
        labelled_predicted: decisions on labelled rows [n], a random sample of the same source.
        labelled_gold: their right labels [n].
    """
    n_all = int(called.sum())
    return [
        _ppi(
            (int(called[label]) / n_all, n_all),
            (labelled_predicted == label).astype(np.float64),
            (labelled_gold == label).astype(np.float64),
        )
        for label in range(len(called) - 1)
    ]


def _ppi(called: tuple[float, int], labelled_called: FloatArray, is_label: FloatArray) -> Estimate:
    share, n_all = called
    n = len(is_label)
    spread = float(labelled_called.var())
    together = float(((is_label - is_label.mean()) * (labelled_called - labelled_called.mean())).mean())
    weight = min(1.0, max(0.0, together / ((1 + n / n_all) * spread))) if spread else 0.0
    value = float(is_label.mean() + weight * (share - labelled_called.mean()))
    variance = (is_label - weight * labelled_called).var() / n + weight**2 * share * (1 - share) / n_all
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * float(np.sqrt(variance))
    return Estimate(min(1.0, max(0.0, value)), max(0.0, value - half), min(1.0, value + half))


def inverted_prevalence(
    called: IntArray, labelled_predicted: IntArray, labelled_gold: IntArray, *, seed: int = 0
) -> list[Estimate]:
    """Each label's share of the rows of interest, by inverting the confusion matrix, with a 95 % bootstrap interval.

    Arguments are those of `ppi_prevalence`. A label without a labelled row cannot be told from the others; its share is
    taken as 0.
    """
    rng = np.random.default_rng(seed)
    n_labels, n_all = len(called) - 1, int(called.sum())
    counts = confusion_counts(labelled_gold, labelled_predicted, n_labels)
    value = _invert(counts, called)
    flat = counts.ravel() / counts.sum()
    tables = rng.multinomial(int(counts.sum()), flat, size=RESAMPLES).reshape(RESAMPLES, *counts.shape)
    calls = rng.multinomial(n_all, called / n_all, size=RESAMPLES)
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
