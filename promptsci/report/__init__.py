"""What a person reads: results, lists and cards as tables, from what is on disk."""

from promptsci.report.explanation import show_explanation
from promptsci.report.history import run_entry, show_runs
from promptsci.report.models import show_models
from promptsci.report.positions import show_positions
from promptsci.report.reproduction import show_reproduction
from promptsci.report.spread import show_spread, spread
from promptsci.report.terminal import show_result
from promptsci.report.tuning import memory_line, show_tuning, show_tuning_plan

__all__ = [
    "memory_line",
    "run_entry",
    "show_explanation",
    "show_models",
    "show_positions",
    "show_reproduction",
    "show_result",
    "show_runs",
    "show_spread",
    "show_tuning",
    "show_tuning_plan",
    "spread",
]
