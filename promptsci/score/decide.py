"""Decision rules: from one stored set of log-likelihoods to a label, in several known ways.

Each rule turns the log-likelihoods of the C labels into C normalised log-probabilities; the decision is the largest of
them. A rule may be chosen on train or validation data, never on the rows it is then judged by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from promptsci.errors import RunError, SpecError, did_you_mean
from promptsci.score.loglik import LogLikelihoods
from promptsci.score.outcomes import FloatArray, IntArray


def normalise(nats: FloatArray) -> FloatArray:
    """Log-probabilities over the last axis [..., C]: each slice's exponentials sum to one."""
    shifted = nats - nats.max(axis=-1, keepdims=True)
    normalised: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def _log_mean(log_probs: FloatArray, axis: int) -> FloatArray:
    # In log space, because a label's probability may underflow on every row.
    top = log_probs.max(axis=axis, keepdims=True)
    mean: FloatArray = np.log(np.exp(log_probs - top).mean(axis=axis)) + top.squeeze(axis)
    return mean


def _sum(scores: LogLikelihoods) -> FloatArray:
    return normalise(scores.sum_nats)


def _mean(scores: LogLikelihoods) -> FloatArray:
    return normalise(scores.sum_nats / scores.n_tokens)


def _pmi(scores: LogLikelihoods) -> FloatArray:
    if scores.premise_nats is None:
        raise _not_stored("pmi", "log-likelihoods after the domain premise")
    return normalise(scores.sum_nats - scores.premise_nats)


def _contextual(scores: LogLikelihoods) -> FloatArray:
    if scores.content_free_nats is None:
        raise _not_stored("contextual", "log-likelihoods after content-free inputs")
    content_free = _log_mean(normalise(scores.content_free_nats), axis=1)
    return normalise(normalise(scores.sum_nats) - content_free)


def _batch(scores: LogLikelihoods) -> FloatArray:
    log_probs = normalise(scores.sum_nats)
    return normalise(log_probs - _log_mean(log_probs, axis=0))


class BatchPrior:
    """The mean of the labels' probabilities over rows that come in parts: what the ``batch`` rule divides by."""

    def __init__(self) -> None:
        self._n = 0
        self._log_sum: FloatArray | None = None

    def add(self, scores: LogLikelihoods) -> None:
        """Takes in some rows."""
        log_probs = normalise(scores.sum_nats)
        part: FloatArray = _log_mean(log_probs, axis=0) + np.log(len(log_probs))
        self._log_sum = part if self._log_sum is None else np.logaddexp(self._log_sum, part)
        self._n += len(log_probs)

    def value(self) -> FloatArray:
        """The natural log of the mean [C]."""
        assert self._log_sum is not None, "there are rows"
        return self._log_sum - float(np.log(self._n))


def _not_stored(rule: str, what: str) -> RunError:
    return RunError(
        f"the rule '{rule}' needs {what}, which this Run did not store",
        fix=f"Run again with --rule {rule}, or choose another rule.",
    )


@dataclass(frozen=True)
class _Rule:
    line: str
    log_probabilities: Callable[[LogLikelihoods], FloatArray]
    field: str = "sum_nats"
    needs_same_labels: bool = False

    def serves(self, logliks: LogLikelihoods) -> bool:
        """Whether what the rule needs is stored."""
        return getattr(logliks, self.field) is not None and (logliks.same_labels or not self.needs_same_labels)


_RULES = {
    "sum": _Rule("log-likelihood of the label's words, summed over their tokens", _sum),
    "mean": _Rule("log-likelihood of the label's words, a token on average", _mean),
    "pmi": _Rule(
        "sum, less the words' log-likelihood after the domain premise, the query's form with empty fields and no shots "
        "(Holtzman et al. 2021)",
        _pmi,
        "premise_nats",
    ),
    "contextual": _Rule(
        "probability divided by its mean after content-free inputs (Zhao et al. 2021)", _contextual, "content_free_nats"
    ),
    "batch": _Rule(
        "probability divided by its mean over all scored rows, no gold label used; transductive: a decision depends on "
        "the other rows (Zhou et al. 2024)",
        _batch,
        needs_same_labels=True,
    ),
}

DEFAULT_RULE = "batch"
"""The rule of headline figures; docs/decision-rules.md shows the measurement it rests on."""

RULES: tuple[str, ...] = tuple(_RULES)
"""The names of the decision rules; the first is the plainest."""


def describe(rule: str) -> str:
    """What the rule does, in one line for a table.

    Raises:
        SpecError: there is no such rule.
    """
    return _named(rule).line


def available(logliks: LogLikelihoods) -> tuple[str, ...]:
    """The rules whose scores are stored in logliks."""
    return tuple(name for name, rule in _RULES.items() if rule.serves(logliks))


def log_probabilities(rule: str, logliks: LogLikelihoods, prior: FloatArray | None = None) -> FloatArray:
    """Normalised log-probabilities over the labels by a rule [N, C], natural log.

    With s the summed log-likelihoods, t the token counts, p = softmax(s) over the labels:

    - ``sum``: p.
    - ``mean``: softmax(s / t).
    - ``pmi``: softmax(s - s_premise); the decision is the label with the largest domain-conditional pointwise mutual
      information.
    - ``contextual``: p / p_cf renormalised, p_cf the mean over the content-free inputs of the normalised choice
      probabilities: the diagonal W of the paper. The paper puts a softmax round W p instead of renormalising; the
      decision is the same, and the probabilities here stay ratios.
    - ``batch``: p / (mean of p over the N rows) renormalised. Transductive: it reads all scored inputs (never a gold
      label), so that other rows or another ``--limit`` may change a decision. With a prior (log, [C]) that is known
      already, such as a `BatchPrior` of other rows, each row is decided by itself.

    Raises:
        SpecError: there is no such rule.
        RunError: the scores the rule needs are not stored.

    Source:
        Holtzman et al. 2021, arXiv 2104.08315; Zhao et al. 2021, arXiv 2102.09690; Zhou et al. 2024, arXiv 2309.17249.
    """
    found = _named(rule)
    if found.needs_same_labels and not logliks.same_labels:
        raise _not_stored(rule, "the same labels in every row")
    if rule == "batch" and prior is not None:
        return normalise(normalise(logliks.sum_nats) - prior)
    return found.log_probabilities(logliks)


def decide(log_probs: FloatArray) -> IntArray:
    """The most probable label's position [N] from log-probabilities [N, C]; of equals the first in task order."""
    return np.asarray(log_probs.argmax(axis=-1), dtype=np.int64)


def near_ties(log_probs: FloatArray, tolerance_nats: float = 1e-3) -> int:
    """The number of rows whose two most probable labels are at most tolerance_nats apart in log_probs [N, C].

    Such decisions can turn with the number type, the batch size or the device.
    """
    top = np.partition(log_probs, -2, axis=-1)[:, -2:]
    return int((top[:, 1] - top[:, 0] <= tolerance_nats).sum())


def _named(rule: str) -> _Rule:
    if rule not in _RULES:
        raise SpecError(f"there is no decision rule '{rule}'", fix=did_you_mean(rule, RULES))
    return _RULES[rule]
