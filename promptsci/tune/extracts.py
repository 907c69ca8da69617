"""What stands in the text itself, as an answer: its first sentence as a summary, its weightiest terms as keyphrases.

``lead`` is the bar for summaries (Nenkova 2005, AAAI, for news; abstracts of papers open more slowly), ``tfidf`` for
keyphrases (Salton and Buckley 1988).
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.tune.classifier import Answer, Backend, Lessons

BACKEND = Backend("python", "float64", "cpu")
PHRASES = 10
"""How many keyphrases are answered: what F1@10 looks at."""
LONGEST = 3
"""Words in a keyphrase, at most."""
_END = re.compile(r"(?<=[.!?])[\"')\]]?\s+(?=[\"'(\[]?[^\W_a-z])")
_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|cf|vs|et al|Fig|Eq|Dr|Prof|resp|approx)|\b[A-Z])\.$")
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_PART = re.compile(r"[.,;:!?()\[\]\"]|\s-\s")


@dataclass(eq=False)
class Extracts:
    """A way to answer from the text alone."""

    answer: Callable[[str], Any]
    training: dict[str, Any]
    notes: tuple[str, ...] = ()
    backend: Backend = BACKEND
    computed: int = 0

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """What each text itself says."""
        return [{"answer": self.answer(text)} for text in texts]


class Lead:
    """The first sentence of the text."""

    name = "lead"
    forms: tuple[str, ...] = ("references",)
    chooses = False

    def identity(self) -> dict[str, Any]:
        """Nothing: there is nothing to set."""
        return {}

    def fit(self, lessons: Lessons, home: Path) -> Extracts:  # noqa: ARG002 - nothing is kept
        """Nothing is learned."""
        return Extracts(first_sentence, _training(0.0, 0))


class WeighedTerms:
    """Runs of one to three words without a function word, by how often they stand here and how rarely in train."""

    name = "tfidf"
    forms: tuple[str, ...] = ("phrases",)
    chooses = False

    def identity(self) -> dict[str, Any]:
        """How many phrases of how many words."""
        return {"phrases": PHRASES, "longest": LONGEST}

    def fit(self, lessons: Lessons, home: Path) -> Extracts:  # noqa: ARG002 - nothing is kept
        """In how many texts of train each run of words stands."""
        start = time.perf_counter()
        n = len(lessons.whole)
        texts = Counter(phrase for text in lessons.whole.texts for phrase in set(_runs(text)))

        def answer(text: str) -> list[str]:
            counts = Counter(_runs(text))
            weights = {
                run: times * len(run.split()) * math.log((1 + n) / (1 + texts[run])) for run, times in counts.items()
            }
            return _apart(sorted(weights, key=lambda run: -weights[run]))

        return Extracts(answer, _training(time.perf_counter() - start, n))


def _training(seconds: float, n: int) -> dict[str, Any]:
    return {"seconds": round(seconds, 3), "examples": n, "trainable_parameters": 0}


def first_sentence(text: str) -> str:
    """The text up to the end of its first sentence; an initial or ``e.g.`` ends none."""
    text = " ".join(text.split())
    for end in _END.finditer(text):
        if not _ABBREVIATED.search(text[: end.start()]):
            return text[: end.end()].rstrip()
    return text


def _runs(text: str) -> Iterator[str]:
    """Yields runs of one to three words, folded, that no sign and no function word parts."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    for part in _PART.split(text.lower()):
        words = _WORD.findall(part)
        for length in range(1, LONGEST + 1):
            for at in range(len(words) - length + 1):
                run = words[at : at + length]
                if not any(word in ENGLISH_STOP_WORDS or len(word) < 2 or word.isdigit() for word in run):
                    yield " ".join(run)


def _apart(runs: Sequence[str]) -> list[str]:
    """The first so many of the runs, those left out that lie within one before them."""
    kept: list[str] = []
    for run in runs:
        if not any(f" {run} " in f" {other} " for other in kept):
            kept.append(run)
        if len(kept) == PHRASES:
            break
    return kept
