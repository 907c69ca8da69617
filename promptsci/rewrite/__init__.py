"""Texts written otherwise that say the same: edits, paraphrases and translations there and back, with their parents."""

from promptsci.rewrite.edits import EDITS
from promptsci.rewrite.made import Edits, Made, Maker, Sieve, Tally, Written, digest
from promptsci.rewrite.paraphrase import Paraphraser
from promptsci.rewrite.prose import TEXT_FORMS, Rewrite, is_prose, rewritten
from promptsci.rewrite.translate import BackTranslator

__all__ = [
    "EDITS",
    "TEXT_FORMS",
    "BackTranslator",
    "Edits",
    "Made",
    "Maker",
    "Paraphraser",
    "Rewrite",
    "Sieve",
    "Tally",
    "Written",
    "digest",
    "is_prose",
    "rewritten",
]
