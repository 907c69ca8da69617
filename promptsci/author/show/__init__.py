"""The prompt as the model reads it: parts, tokens, lengths and cost, without the model."""

from promptsci.author.show.measure import Measure, Prompts, measure
from promptsci.author.show.preview import Preview, pick_rows, preview
from promptsci.author.show.prompts import Shown, ShownPrompt, shown_prompts

__all__ = [
    "Measure",
    "Preview",
    "Prompts",
    "Shown",
    "ShownPrompt",
    "measure",
    "pick_rows",
    "preview",
    "shown_prompts",
]
