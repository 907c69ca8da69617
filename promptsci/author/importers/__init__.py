"""Prompts of other tools become tasks and wordings; what cannot be carried over is said, item by item."""

from promptsci.author.importers.draft import Draft
from promptsci.author.importers.lm_eval import read_lm_eval
from promptsci.author.importers.promptsource import read_promptsource
from promptsci.author.importers.tasks import Imported, Known, import_drafts

__all__ = ["Draft", "Imported", "Known", "import_drafts", "read_lm_eval", "read_promptsource"]
