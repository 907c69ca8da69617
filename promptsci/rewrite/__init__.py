"""Texts written otherwise that say the same: edits, paraphrases and translations there and back, with their parents."""

from promptsci.rewrite.edits import EDITS
from promptsci.rewrite.prose import TEXT_FORMS, Rewrite, is_prose, rewritten

__all__ = ["EDITS", "TEXT_FORMS", "Rewrite", "is_prose", "rewritten"]
