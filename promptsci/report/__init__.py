"""What a person reads: results as tables, from what is on disk."""

from promptsci.report.spread import show_spread, spread
from promptsci.report.terminal import show_result

__all__ = ["show_result", "show_spread", "spread"]
