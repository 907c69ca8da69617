"""The evaluator: from stored log-likelihoods, or from decisions, to the Scores of a Run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from promptsci.score.baseline import Majority, majority
from promptsci.score.bootstrap import LEVEL, RESAMPLES, ROW_RESAMPLES, SLOW_RESAMPLES, Estimate, estimates
from promptsci.score.calibration import Calibration, calibration
from promptsci.score.decide import available, decide, log_probabilities, near_ties
from promptsci.score.loglik import LogLikelihoods
from promptsci.score.metrics import METRICS, ClassScore, Metric, metric_named, per_class
from promptsci.score.outcomes import BoolArray, Outcomes
from promptsci.score.power import smallest_difference

GENERATED = "generated"
"""Stands for the decision rule where answers were generated instead of scored."""


@dataclass(frozen=True)
class Group:
    """Metrics of some of the rows; ``absent`` names the labels without a gold row, which count 0 in macro averages."""

    n: int
    metrics: dict[str, Estimate]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Scores:
    """Everything computed from one Run's predictions.

    Args:
        rule: the decision rule.
        main: the name of the metric that decides comparisons.
        n: rows with a gold label, the only ones scored.
        unlabelled: rows left out because they have none.
        metrics: every metric with its interval, the task's own first.
        per_class: precision, recall, F1 and support of each label.
        labels: the task's labels, naming the rows of ``confusion``.
        confusion: rows counted by gold label and decision; the last column counts invalid answers.
        invalid: rows without a valid answer.
        near_ties: rows whose two best labels are at most 0.001 nats apart; None without log-likelihoods.
        calibration: ECE, Brier score and reliability bins; None without log-likelihoods.
        rules: the metrics' values under each decision rule that the Run can serve.
        unseen: rows whose text does not stand in train; None when all rows are such, or none.
        seen: rows whose text also stands in train; None when there are none.
        majority: answering train's most frequent label; None when train's counts are not known.
        smallest_difference: in accuracy, that a paired test on these n rows can show (power 0.8, alpha 0.05, assuming
            that 0.2 of the rows are discordant); None where answers are not simply right or wrong.
        seed: of the intervals.
        details: what else a form of answer counts, such as answers cut at their limit.
    """

    rule: str
    main: str
    n: int
    unlabelled: int
    metrics: dict[str, Estimate]
    per_class: dict[str, ClassScore]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    invalid: int
    near_ties: int | None
    calibration: Calibration | None
    unseen: Group | None
    seen: Group | None
    majority: Majority | None
    smallest_difference: float | None
    seed: int
    rules: dict[str, dict[str, float]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What scores.json holds: plain dicts, lists and unrounded numbers."""
        stored = asdict(self)
        labels, counts = stored.pop("labels"), stored.pop("confusion")
        stored["confusion"] = {"labels": list(labels), "counts": [list(row) for row in counts]}
        stored["interval"] = {
            "method": "percentile bootstrap over rows",
            "level": LEVEL,
            "resamples": RESAMPLES,
            "resamples_calibration": ROW_RESAMPLES,
            "resamples_hub": SLOW_RESAMPLES,
            "seed": stored.pop("seed"),
        }
        for group in ("unseen", "seen"):
            if stored[group]:
                stored[group]["absent"] = list(stored[group]["absent"])
        if stored["calibration"]:
            stored["calibration"]["bins"] = list(stored["calibration"]["bins"])
        return stored


def evaluate(
    logliks: LogLikelihoods,
    *,
    metrics: Sequence[str | Metric[Outcomes]],
    rule: str,
    train_label_counts: Mapping[str, int] | None,
    seed: int = 0,
) -> Scores:
    """The Scores of one Run whose labels were scored, decided by one rule, with all other rules beside it.

    Args:
        logliks: as stored; rows without a gold label are left out and counted (the ``batch`` rule still reads them).
        metrics: the task's metrics, by name or as loaded; the first decides comparisons. The standard ones follow.
        rule: the decision rule.
        train_label_counts: rows of each label in train, for the majority row; None where not known.
        seed: of the bootstrap intervals.

    Raises:
        SpecError: an unknown metric or rule.
        RunError: the rule's reference scores are not stored.
        DataError: no row has a gold label, or train's labels do not fit the task.
    """
    # Averages over the letters of options mean nothing: which option has which letter is chance.
    standard = METRICS if logliks.same_labels else {"accuracy": METRICS["accuracy"]}
    chosen = resolve(metrics, logliks.labels, standard)
    by_rule = {
        name: outcomes_of(logliks, name).labelled() for name in {rule: None, **dict.fromkeys(available(logliks))}
    }
    rules = {name: {key: metric.point(by_rule[name]) for key, metric in chosen.items()} for name in available(logliks)}
    scores = _Evaluator(chosen, seed, train_label_counts)
    return scores.score(rule, by_rule[rule], len(logliks), rules)


def evaluate_decisions(
    outcomes: Outcomes,
    *,
    metrics: Sequence[str | Metric[Outcomes]],
    rule: str = GENERATED,
    train_label_counts: Mapping[str, int] | None,
    seed: int = 0,
) -> Scores:
    """The Scores of decisions however they were made; an answer that is no label (-1) is invalid and wrong.

    Raises:
        SpecError: an unknown metric.
        DataError: no row has a gold label, or train's labels do not fit the task.
    """
    scores = _Evaluator(resolve(metrics, outcomes.labels), seed, train_label_counts)
    return scores.score(rule, outcomes.labelled(), len(outcomes), {})


def outcomes_of(logliks: LogLikelihoods, rule: str) -> Outcomes:
    """The rows as decided by a rule, in stored order.

    Raises:
        SpecError: there is no such rule.
        RunError: the rule's reference scores are not stored.
    """
    log_probs = log_probabilities(rule, logliks)
    return Outcomes(logliks.labels, logliks.gold, decide(log_probs), logliks.seen, log_probs)


def resolve(
    metrics: Sequence[str | Metric[Outcomes]],
    labels: Sequence[str],
    standard: Mapping[str, Metric[Outcomes]] = METRICS,
) -> dict[str, Metric[Outcomes]]:
    """The metrics to compute, by name: those asked for, in their order, then the standard ones.

    Raises:
        SpecError: there is no such metric.
    """
    asked = [metric if isinstance(metric, Metric) else metric_named(metric, labels) for metric in metrics]
    named = {metric.name: metric for metric in asked}
    return named | {name: metric for name, metric in standard.items() if name not in named}


@dataclass(frozen=True)
class _Evaluator:
    metrics: dict[str, Metric[Outcomes]]
    seed: int
    train_label_counts: Mapping[str, int] | None

    def score(self, rule: str, outcomes: Outcomes, n_stored: int, rules: dict[str, dict[str, float]]) -> Scores:
        log_probs, counts = outcomes.log_probs, self.train_label_counts
        split = bool(outcomes.seen.any())
        return Scores(
            rule=rule,
            main=next(iter(self.metrics)),
            n=len(outcomes),
            unlabelled=n_stored - len(outcomes),
            metrics=estimates(outcomes, self.metrics, seed=self.seed),
            per_class=per_class(outcomes),
            labels=outcomes.labels,
            confusion=tuple(tuple(int(count) for count in row) for row in outcomes.counts),
            invalid=outcomes.invalid,
            near_ties=None if log_probs is None else near_ties(log_probs),
            calibration=calibration(outcomes, seed=self.seed),
            rules=rules,
            unseen=self._group(outcomes, ~outcomes.seen) if split else None,
            seen=self._group(outcomes, outcomes.seen) if split else None,
            majority=None if counts is None else majority(outcomes, counts, self.metrics, seed=self.seed),
            smallest_difference=smallest_difference(len(outcomes)),
            seed=self.seed,
        )

    def _group(self, outcomes: Outcomes, mask: BoolArray) -> Group | None:
        if not mask.any():
            return None
        part = outcomes.where(mask)
        support = np.bincount(part.gold, minlength=len(part.labels))
        absent = tuple(label for label, count in zip(part.labels, support, strict=True) if not count)
        return Group(len(part), estimates(part, self.metrics, seed=self.seed), absent)
