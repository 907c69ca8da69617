"""How far a Run's probabilities can be trusted, and what can be done with them, learnt from a validation Run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from promptsci.errors import DataError
from promptsci.score.abstention import RiskCoverage, risk_coverage
from promptsci.score.bootstrap import Estimate
from promptsci.score.calibration import CALIBRATION
from promptsci.score.conformal import LabelSets, judge_sets, label_sets, thresholds
from promptsci.score.outcomes import NONE, FloatArray, IntArray, Outcomes
from promptsci.score.prevalence import call_counts, inverted_prevalence, ppi_prevalence
from promptsci.score.temperature import fit_temperature, mean_nll, scaled


@dataclass(frozen=True)
class Sureness:
    """Calibration of labelled rows: ECE, Brier score, and mean negative log-likelihood in nats."""

    ece: float
    brier: float
    nll: float


@dataclass(frozen=True)
class Prevalence:
    """How frequent a label is in a Run's rows.

    Args:
        counted: its share of the decisions.
        ppi: corrected, if validation rows are a random sample of the same source.
        inverted: corrected, if they are not but the classifier errs alike within each label.
        true: its share of the gold labels; None where rows have none.
    """

    counted: float
    ppi: Estimate
    inverted: Estimate
    true: float | None


@dataclass(frozen=True)
class Trust:
    """What a validation Run teaches of another Run of the same method.

    Args:
        n: labelled rows of the Run.
        rows: all rows of the Run.
        n_validation: labelled rows of the validation Run.
        temperature: fitted on validation.
        before: the Run's calibration as it is; None without labelled rows, as are all that need them.
        after: at the temperature.
        risk: risk and coverage of the Run's decisions.
        sets: conformal label sets.
        class_sets: the same for each label by itself.
        prevalence: each label's.
    """

    n: int
    rows: int
    n_validation: int
    temperature: float
    before: Sureness | None
    after: Sureness | None
    risk: RiskCoverage | None
    sets: LabelSets | None
    class_sets: LabelSets | None
    prevalence: dict[str, Prevalence]

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and unrounded numbers."""
        stored = asdict(self)
        if stored["risk"]:
            stored["risk"]["risks"] = list(stored["risk"]["risks"])
            stored["risk"]["coverage"] = {str(error): kept for error, kept in stored["risk"]["coverage"].items()}
        return stored


def trust(outcomes: Outcomes, validation: Outcomes, *, error: float = 0.1, seed: int = 0) -> Trust:
    """What validation rows teach of a Run's rows, judged on those of them that are labelled.

    Args:
        outcomes: the Run's rows, labelled or not.
        validation: rows of a Run of the same method on other examples, of which labelled ones are used.
        error: how often a label set may miss the right label.
        seed: of bootstrap intervals.

    Raises:
        DataError: validation has no labelled row, or either has no log-probabilities.
    """
    known = validation.labelled()
    if outcomes.log_probs is None or known.log_probs is None:
        raise DataError("these answers have no probabilities: they were written, not scored")
    temperature = fit_temperature(known.log_probs, known.gold)
    labelled = outcomes.where(outcomes.gold != NONE)
    any_gold = len(labelled) > 0
    return Trust(
        n=len(labelled),
        rows=len(outcomes),
        n_validation=len(known),
        temperature=temperature,
        before=_sureness(labelled) if any_gold else None,
        after=_sureness(scaled(labelled, temperature)) if any_gold else None,
        risk=risk_coverage(labelled) if any_gold else None,
        sets=_sets(labelled, known, error, by_class=False) if any_gold else None,
        class_sets=_sets(labelled, known, error, by_class=True) if any_gold else None,
        prevalence=_prevalence(outcomes, known, seed),
    )


def _sureness(labelled: Outcomes) -> Sureness:
    assert labelled.log_probs is not None
    return Sureness(
        CALIBRATION["ece"].of(labelled), CALIBRATION["brier"].of(labelled), mean_nll(labelled.log_probs, labelled.gold)
    )


def _sets(labelled: Outcomes, known: Outcomes, error: float, *, by_class: bool) -> LabelSets:
    # Not at the fitted temperature: fitting and thresholds on the same rows would break the promise.
    log_probs, known_log_probs = _scored(labelled), _scored(known)
    largest = thresholds(known_log_probs, known.gold, error, by_class=by_class)
    sets = label_sets(log_probs, largest)
    return judge_sets(sets, labelled.gold, labelled.labels, largest, (error, by_class, len(known)))


def _scored(rows: Outcomes) -> FloatArray:
    assert rows.log_probs is not None
    return rows.log_probs


def _prevalence(outcomes: Outcomes, known: Outcomes, seed: int) -> dict[str, Prevalence]:
    found = prevalence_of(call_counts(outcomes.predicted, len(outcomes.labels)), known, seed=seed)
    if not (outcomes.gold != NONE).all():
        return found
    return {
        label: replace(one, true=float((outcomes.gold == place).mean()))
        for place, (label, one) in enumerate(found.items())
    }


def prevalence_of(called: IntArray, known: Outcomes, *, seed: int = 0) -> dict[str, Prevalence]:
    """How frequent each label is in rows that were called so often each label, and invalid [C+1].

    Args:
        called: counts of decisions; see `call_counts`.
        known: labelled validation rows, decided by the same method.
        seed: of the bootstrap.
    """
    asked = (called, known.predicted, known.gold)
    shares = called[:-1] / called.sum()
    parts = zip(known.labels, shares, ppi_prevalence(*asked), inverted_prevalence(*asked, seed=seed), strict=True)
    return {label: Prevalence(float(share), ppi, inverted, None) for label, share, ppi, inverted in parts}
