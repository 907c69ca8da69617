"""The prompt as the model reads it: parts, tokens, lengths and cost, without the model."""

from promptsci.author.show.measure import Measure, Prompts, measure
from promptsci.author.show.prompts import Shown, ShownPrompt, shown_prompts

__all__ = ["Measure", "Prompts", "Shown", "ShownPrompt", "measure", "shown_prompts"]
