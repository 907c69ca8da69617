"""The terms by which texts are near: words and pairs of neighbouring words, with numbers left out.

Measured by the majority vote of eight neighbours left one out (docs/shots.md): pairs help where a phrase says more than
its words ("we use", "in contrast"), and years, sizes and citation numbers only bring together what has nothing in
common.
"""

from __future__ import annotations

import re
from itertools import pairwise

LONGEST_WORD = 24
"""Longer runs are no words but sequences (DNA, proteins, SMILES); they are read as overlapping pieces."""
PIECE = 6

# Scripts that put no spaces between words: each character is a word, and pairs make the rest.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def terms(text: str) -> list[str]:
    """The words of a text in lower case, without numbers, and then the pairs of words that follow each other."""
    words = [piece for word in _WORD.findall(text.lower()) if not word.isdigit() for piece in _pieces(word)]
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


def _pieces(word: str) -> list[str]:
    if len(word) <= LONGEST_WORD:
        return [word]
    return [word[start : start + PIECE] for start in range(len(word) - PIECE + 1)]
