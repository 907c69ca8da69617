"""Where tasks and templates are written: seen as the model reads them, and checked."""

from promptsci.author.check import Report, Request, check
from promptsci.author.show import Shown, measure, shown_prompts

__all__ = ["Report", "Request", "Shown", "check", "measure", "shown_prompts"]
