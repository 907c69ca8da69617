"""Judging one Run: decisions from stored log-likelihoods, metrics with intervals, calibration; no model needed."""

from __future__ import annotations

from promptsci.score.baseline import Majority, majority
from promptsci.score.bootstrap import Estimate, estimates, percentile_interval, resampled, row_values
from promptsci.score.calibration import CALIBRATION, Calibration, ReliabilityBin
from promptsci.score.decide import DEFAULT_RULE, RULES, available, decide, describe, log_probabilities, near_ties
from promptsci.score.evaluation import GENERATED, Group, Scores, evaluate, evaluate_decisions, outcomes_of
from promptsci.score.facts import Facts, facts_of
from promptsci.score.forms import Judgement, Wanted, form_metric, judge_rows, metric_rows, usual_rule
from promptsci.score.hub import load_hub_metric
from promptsci.score.judged import Judged, decided_rows, judged
from promptsci.score.loglik import LogLikelihoods, from_rows
from promptsci.score.metrics import METRICS, ClassScore, Metric, metric_named, per_class
from promptsci.score.outcomes import NONE, Outcomes, confusion_counts
from promptsci.score.positions import position_bias
from promptsci.score.power import DISCORDANT_SHARE, smallest_difference
from promptsci.score.sums import Distinct, Family, FromSums, Outcome, Sums, families, mean_of_rows, mean_of_sums, ratio
from promptsci.score.thresholds import best_thresholds, labels_said
from promptsci.score.trust import Trust, trust

__all__ = [
    "CALIBRATION",
    "DEFAULT_RULE",
    "DISCORDANT_SHARE",
    "GENERATED",
    "METRICS",
    "NONE",
    "RULES",
    "Calibration",
    "ClassScore",
    "Distinct",
    "Estimate",
    "Facts",
    "Family",
    "FromSums",
    "Group",
    "Judged",
    "Judgement",
    "LogLikelihoods",
    "Majority",
    "Metric",
    "Outcome",
    "Outcomes",
    "ReliabilityBin",
    "Scores",
    "Sums",
    "Trust",
    "Wanted",
    "available",
    "best_thresholds",
    "confusion_counts",
    "decide",
    "decided_rows",
    "describe",
    "estimates",
    "evaluate",
    "evaluate_decisions",
    "facts_of",
    "families",
    "form_metric",
    "from_rows",
    "judge_rows",
    "judged",
    "labels_said",
    "load_hub_metric",
    "log_probabilities",
    "majority",
    "mean_of_rows",
    "mean_of_sums",
    "metric_named",
    "metric_rows",
    "near_ties",
    "outcomes_of",
    "per_class",
    "percentile_interval",
    "position_bias",
    "ratio",
    "resampled",
    "row_values",
    "smallest_difference",
    "trust",
    "usual_rule",
]
