"""Judging several Runs on the same rows: paired statistics, ties, cost; from Run folders alone."""

from promptsci.compare.compare import Question, compare
from promptsci.compare.comparison import Comparison, Cost, Difference, Method, MetricCard, Published, RunEntry, Spread
from promptsci.compare.eligible import Candidate, read_candidate
from promptsci.compare.forgetting import Cell, Column, Forgetting, Step, forgetting
from promptsci.compare.harm import Harm, harm
from promptsci.compare.robustness import clean_runs

__all__ = [
    "Candidate",
    "Cell",
    "Column",
    "Comparison",
    "Cost",
    "Difference",
    "Forgetting",
    "Harm",
    "Method",
    "MetricCard",
    "Published",
    "Question",
    "RunEntry",
    "Spread",
    "Step",
    "clean_runs",
    "compare",
    "forgetting",
    "harm",
    "read_candidate",
]
