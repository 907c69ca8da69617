"""What labelled rows that a method has answered teach of the rows it answers next, of which no label is known.

For labels and lettered options: a temperature, thresholds of label sets, a cut for abstaining, and the decisions that
prevalence is corrected by. For numbers: how far an interval must reach. Other answers are what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from promptsci.score.abstention import Cut, cut_at
from promptsci.score.answered import Row, answered
from promptsci.score.calibration import confidences
from promptsci.score.conformal import check_error, conformal_quantile, label_sets, thresholds
from promptsci.score.decide import BatchPrior, decide, log_probabilities, normalise
from promptsci.score.evaluation import outcomes_of
from promptsci.score.facts import Facts
from promptsci.score.forms import LETTERS
from promptsci.score.judged import NEEDS_REFERENCES
from promptsci.score.loglik import LogLikelihoods, from_option_rows, from_rows
from promptsci.score.outcomes import NONE, FloatArray, Outcomes
from promptsci.score.temperature import fit_temperature

CHOSEN = ("label", "options")
"""Forms whose answer is one of some choices, each with a probability."""


def logliks_of(rows: Sequence[Row], facts: Facts, rule: str) -> LogLikelihoods:
    """The log-likelihoods in rows of a form whose choices are scored."""
    if facts.form == "options":
        return from_option_rows(rows, LETTERS)
    return from_rows(rows, facts.labels, references=rule in NEEDS_REFERENCES)


@dataclass(frozen=True, eq=False)
class Known:
    """What labelled rows teach of choices.

    Args:
        rule: the decision rule.
        error: how often a label set may miss, and what share of kept decisions may be wrong.
        prior: the log of the labels' mean probabilities [C] over all these rows; None where the rule needs none.
        outcomes: the labelled rows as decided.
        temperature: at which probabilities are as sure as they should be.
        largest: 1 - p up to which each label is in a set [C].
        cut: from which probability on decisions are kept.
    """

    rule: str
    error: float
    prior: FloatArray | None
    outcomes: Outcomes
    temperature: float
    largest: FloatArray
    cut: Cut


def learn(rows: Sequence[Row], facts: Facts, rule: str, error: float) -> Known:
    """What labelled rows teach.

    Temperature, thresholds and cut are learnt from the same rows, each from the probabilities as they were scored, so
    that none spoils the promise of another.

    Raises:
        DataError: none of the rows is labelled, or the error is not in (0, 1).
        RunError: rows are damaged, or lack what the rule needs.
    """
    check_error(error)
    logliks = logliks_of(rows, facts, rule)
    known = outcomes_of(logliks, rule).labelled()
    assert known.log_probs is not None
    prior = None
    if rule == "batch":
        mean = BatchPrior()
        mean.add(logliks)
        prior = mean.value()
    largest = thresholds(known.log_probs, known.gold, error)
    cut = cut_at(confidences(known), known.predicted != known.gold, error)
    return Known(rule, error, prior, known, fit_temperature(known.log_probs, known.gold), largest, cut)


@dataclass(frozen=True, eq=False)
class Decided:
    """Answered rows of a form whose choices are scored.

    Args:
        labels: the choices [C].
        predicted: the decided one [N].
        probability: of the decided one [N].
        calibrated: the same at the temperature [N]; None where nothing is known, as are all that follow.
        sets: the labels of each row's set [N].
        abstain: whether the decision is too unsure to be kept [N].
    """

    labels: tuple[str, ...]
    predicted: tuple[int, ...]
    probability: tuple[float, ...]
    calibrated: tuple[float, ...] | None
    sets: tuple[tuple[str, ...], ...] | None
    abstain: tuple[bool, ...] | None


def decided(logliks: LogLikelihoods, rule: str, known: Known | None, prior: FloatArray | None = None) -> Decided:
    """The decisions on rows, with what labelled rows teach of them.

    Args:
        logliks: the rows' log-likelihoods.
        rule: the decision rule.
        known: what labelled rows teach; None where there are none.
        prior: what the ``batch`` rule divides by; None takes the mean over these very rows.
    """
    log_probs = log_probabilities(rule, logliks, prior)
    predicted = decide(log_probs)
    rows = np.arange(len(predicted))
    probability = np.exp(log_probs[rows, predicted])
    plain = (logliks.labels, tuple(predicted.tolist()), tuple(probability.tolist()))
    if known is None:
        return Decided(*plain, None, None, None)
    calibrated = np.exp(normalise(log_probs / known.temperature)[rows, predicted])
    # Of options a file may have more letters than the labelled rows had, whose threshold is that of any letter.
    largest = np.full(len(logliks.labels), known.largest[0]) if not logliks.same_labels else known.largest
    there = label_sets(log_probs, largest) & np.isfinite(log_probs)
    sets = tuple(tuple(logliks.labels[at] for at in np.flatnonzero(row)) for row in there)
    return Decided(*plain, tuple(calibrated.tolist()), sets, tuple((probability < known.cut.least).tolist()))


@dataclass(frozen=True)
class KnownNumbers:
    """What labelled rows teach of numbers: right ones lie within ``reach`` of those said, but for ``error`` of them."""

    error: float
    reach: float
    n: int


def learn_numbers(rows: Sequence[Row], facts: Facts, error: float) -> KnownNumbers:
    """How far the right numbers of labelled rows lie from those said; an invalid answer is infinitely far.

    Raises:
        DataError: none of the rows is labelled, or the error is not in (0, 1).

    Source:
        Split conformal regression: Lei et al. 2018, JASA 113.
    """
    check_error(error)
    found = answered(rows, facts).labelled()
    gaps = [
        abs(said - right) if said is not None else np.inf for said, right in zip(found.answers, found.gold, strict=True)
    ]
    return KnownNumbers(error, conformal_quantile(np.array(gaps, dtype=np.float64), error), len(found))


def answers_of(rows: Sequence[Row], facts: Facts) -> tuple[Any, ...]:
    """What was answered in rows whose answers are not one choice [N]; None where it is not valid."""
    return answered(rows, facts).answers


def has_gold(outcomes: Outcomes) -> bool:
    """Whether any row is labelled."""
    return bool((outcomes.gold != NONE).any())
