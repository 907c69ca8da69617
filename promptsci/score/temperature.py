"""Temperature scaling: one number, fitted on validation rows, that makes probabilities as sure as they should be."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import numpy as np

from promptsci.errors import DataError
from promptsci.score.decide import normalise
from promptsci.score.outcomes import FloatArray, IntArray, Outcomes

_WIDEST = 8.0
"""The natural log of the largest temperature tried (about 3,000), and minus that of the smallest."""


def fit_temperature(log_probs: FloatArray, gold: IntArray) -> float:
    """The temperature T > 0 at which softmax(log p / T) gives the gold labels the highest mean log-likelihood.

    Args:
        log_probs: normalised log-probabilities of validation rows [N, C].
        gold: their right labels [N].

    Raises:
        DataError: there is no row.

    Source:
        Guo et al. 2017, arXiv 1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    if not len(gold):
        raise DataError("a temperature cannot be fitted without labelled rows")
    # Convex in 1 / T, so that the one minimum along log T is the minimum.
    found = minimize_scalar(
        lambda log_t: mean_nll(log_probs / exp(log_t), gold),
        bounds=(-_WIDEST, _WIDEST),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return exp(float(found.x))


def mean_nll(log_probs: FloatArray, gold: IntArray) -> float:
    """The mean negative log-likelihood of the gold labels in nats, from log-probabilities [N, C] up to a constant."""
    return float(-normalise(log_probs)[np.arange(len(gold)), gold].mean())


def scaled(outcomes: Outcomes, temperature: float) -> Outcomes:
    """The same decisions with probabilities at a temperature; a temperature never changes which label is first."""
    assert outcomes.log_probs is not None
    return replace(outcomes, log_probs=normalise(outcomes.log_probs / temperature))
