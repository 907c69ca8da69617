"""Judging one Run: decisions from stored log-likelihoods, metrics with intervals, calibration; no model needed."""

from __future__ import annotations

from promptsci.score.baseline import Majority, majority
from promptsci.score.bootstrap import Estimate, count_values, estimates, percentile_interval, row_values
from promptsci.score.calibration import Calibration, ReliabilityBin, brier_score, expected_calibration_error
from promptsci.score.decide import DEFAULT_RULE, RULES, available, decide, describe, log_probabilities, near_ties
from promptsci.score.evaluation import GENERATED, Group, Scores, evaluate, evaluate_decisions, outcomes_of
from promptsci.score.hub import load_hub_metric
from promptsci.score.loglik import LogLikelihoods, from_rows
from promptsci.score.metrics import METRICS, ClassScore, Metric, metric_named, per_class
from promptsci.score.outcomes import NONE, Outcomes, confusion_counts
from promptsci.score.power import DISCORDANT_SHARE, smallest_difference

__all__ = [
    "DEFAULT_RULE",
    "DISCORDANT_SHARE",
    "GENERATED",
    "METRICS",
    "NONE",
    "RULES",
    "Calibration",
    "ClassScore",
    "Estimate",
    "Group",
    "LogLikelihoods",
    "Majority",
    "Metric",
    "Outcomes",
    "ReliabilityBin",
    "Scores",
    "available",
    "brier_score",
    "confusion_counts",
    "count_values",
    "decide",
    "describe",
    "estimates",
    "evaluate",
    "evaluate_decisions",
    "expected_calibration_error",
    "from_rows",
    "load_hub_metric",
    "log_probabilities",
    "majority",
    "metric_named",
    "near_ties",
    "outcomes_of",
    "per_class",
    "percentile_interval",
    "row_values",
    "smallest_difference",
]
