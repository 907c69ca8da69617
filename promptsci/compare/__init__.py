"""Judging several Runs on the same rows: paired statistics, ties, cost; from Run folders alone."""

from promptsci.compare.comparison import Comparison, Cost, Difference, Method, MetricCard, Published, RunEntry, Spread

__all__ = ["Comparison", "Cost", "Difference", "Method", "MetricCard", "Published", "RunEntry", "Spread"]
