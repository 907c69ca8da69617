"""What a bag of words counts: words, characters, or the character at each place; decided from train's texts alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LONG_PIECE = 15.0
"""Characters between white space, on average, from which texts count as written without spaces (English has 5 to 6)."""
ONE_PIECE_SHARE = 0.9


@dataclass(frozen=True)
class Features:
    """A way to count a text: its name, and what it is in one line."""

    name: str
    line: str

    def vectorizer(self) -> Any:
        """A new scikit-learn vectorizer that counts so."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        if self.name == "positions":
            return TfidfVectorizer(analyzer=places, sublinear_tf=True)
        if self.name == "characters":
            return TfidfVectorizer(analyzer="char", ngram_range=(1, 4), lowercase=False, sublinear_tf=True)
        return TfidfVectorizer(analyzer=words, sublinear_tf=True)


WORDS = Features("words", "TF-IDF of lower-case words and marks, and of pairs of them, sublinear tf")
CHARACTERS = Features("characters", "TF-IDF of 1 to 4 characters in a row, sublinear tf")
POSITIONS = Features("positions", "TF-IDF of the character and the pair of characters at each place")


def candidates(texts: Sequence[str]) -> tuple[tuple[Features, ...], str]:
    """The features to choose among on validation, and why, in words.

    Texts count as written without spaces where the pieces between white space are longer than 15 characters on average
    or nine of ten texts are a single piece: DNA, peptides, Chinese. They are counted in characters; where all of them
    have the same length, as aligned sequences do, also in the characters at each place.
    """
    n_pieces = [len(text.split()) for text in texts]
    mean_piece = sum(len("".join(text.split())) for text in texts) / max(sum(n_pieces), 1)
    one_piece = sum(n == 1 for n in n_pieces) / len(texts)
    if mean_piece <= LONG_PIECE and one_piece < ONE_PIECE_SHARE:
        return (WORDS,), "train's texts are written in words"
    lengths = {len(text.strip()) for text in texts}
    if len(lengths) == 1:
        why = f"train's texts are written without spaces, all of one length ({lengths.pop()} characters)"
        return (CHARACTERS, POSITIONS), why
    return (CHARACTERS,), "train's texts are written without spaces"


def words(text: str) -> list[str]:
    """The lower-case words and runs of marks of a text, then each pair of neighbours.

    Marks count: tasks mark an entity as ``[[ parser ]]``, and ``]] for`` then says what stands behind it.
    """
    single = re.findall(r"\w+|[^\w\s]+", text.lower())
    return single + [f"{first} {second}" for first, second in pairwise(single)]


def places(text: str) -> list[str]:
    """``["0A", "1C", "0AC"]`` for ``AC``: each character, and each pair of characters, behind its place."""
    text = text.strip()
    return [f"{at}{text[at : at + n]}" for n in (1, 2) for at in range(len(text) - n + 1)]
