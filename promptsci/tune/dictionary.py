"""``dictionary``: marks in a text what was marked in train, by longest match; the bar for finding typed spans.

A phrase of train counts when it is marked in a large enough share of the places where it stands there, as the type that
it has most often; how large is chosen on validation. Words are compared with case folded, save those that are all
capitals, which abbreviations are.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.score import GENERATED, metric_rows
from promptsci.tune.classifier import Answer, Backend, Labelled, Lessons

BACKEND = Backend("python", "none", "cpu")
LEAST_SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)
_WORD = re.compile(r"\w+|[^\w\s]")

Phrase = tuple[str, ...]


@dataclass(eq=False)
class Phrases:
    """Phrases of train and their types."""

    types: dict[Phrase, str]
    training: dict[str, Any]
    notes: tuple[str, ...] = ()
    backend: Backend = BACKEND
    computed: int = 0

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """The spans of each text."""
        longest = max(map(len, self.types), default=0)
        return [{"answer": list(self._spans(text, longest))} for text in texts]

    def _spans(self, text: str, longest: int) -> Iterator[list[Any]]:
        words = _words(text)
        at = 0
        while at < len(words):
            near = range(min(longest, len(words) - at), 0, -1)
            length = next((n for n in near if _phrase(words[at : at + n]) in self.types), 0)
            if length:
                part = words[at : at + length]
                yield [part[0][0], part[-1][1], self.types[_phrase(part)]]
            at += length or 1


class Dictionary:
    """The phrases that are marked in train."""

    name = "dictionary"
    forms: tuple[str, ...] = ("spans",)
    chooses = True

    def identity(self) -> dict[str, Any]:
        """The shares that are tried."""
        return {"least_share": list(LEAST_SHARES)}

    def fit(self, lessons: Lessons, home: Path) -> Phrases:  # noqa: ARG002 - nothing is kept
        """The phrases with the least share that validation chose, of all of train."""
        start = time.perf_counter()
        seen = _Counted(lessons.train)
        values = {share: _value(seen.phrases(share), lessons) for share in LEAST_SHARES}
        best = max(values, key=lambda share: values[share])  # of equals the first
        types = _Counted(lessons.whole).phrases(best)
        training = {
            "seconds": round(time.perf_counter() - start, 3),
            "examples": len(lessons.whole),
            "trainable_parameters": 0,
            "validation_examples": len(lessons.validation),
            "phrases": len(types),
            "least_share": best,
            "validation": {lessons.metric.name: lessons.sign * values[best]},
        }
        return Phrases(types, training)


class _Counted:
    """How often each phrase is marked, by type, and how often it stands at all."""

    def __init__(self, rows: Labelled) -> None:
        self.marked: defaultdict[Phrase, Counter[str]] = defaultdict(Counter)
        texts = [_words(text) for text in rows.texts]
        for words, row in zip(texts, rows.rows, strict=True):
            for begin, end, name in row["gold"]:
                phrase = _phrase([word for word in words if begin <= word[0] and word[1] <= end])
                if phrase:
                    self.marked[phrase][name] += 1
        self.standing = _standing(texts, set(self.marked))

    def phrases(self, least: float) -> dict[Phrase, str]:
        """Each phrase that is marked in at least that share of its places, and its type."""
        return {
            phrase: counts.most_common(1)[0][0]
            for phrase, counts in self.marked.items()
            if sum(counts.values()) >= least * self.standing[phrase]
        }


def _value(types: dict[Phrase, str], lessons: Lessons) -> float:
    """The metric of these phrases on the validation rows, oriented so that more is better."""
    rows = lessons.validation
    answers = Phrases(types, {}).answers(rows.texts)
    stored = [{**row, "seen": False, **answer} for row, answer in zip(rows.rows, answers, strict=True)]
    return lessons.sign * lessons.metric.point(metric_rows(stored, lessons.facts, GENERATED))


def _standing(texts: Sequence[Sequence[tuple[int, int, str]]], wanted: set[Phrase]) -> Counter[Phrase]:
    """How often each of the phrases stands in the texts, marked or not."""
    lengths = sorted({len(phrase) for phrase in wanted})
    found: Counter[Phrase] = Counter()
    for words in texts:
        for at in range(len(words)):
            for length in lengths:
                phrase = _phrase(words[at : at + length])
                if len(phrase) == length and phrase in wanted:
                    found[phrase] += 1
    return found


def _words(text: str) -> list[tuple[int, int, str]]:
    """Words and signs as (start, end, how they are compared)."""
    return [(word.start(), word.end(), _folded(word[0])) for word in _WORD.finditer(text)]


def _folded(word: str) -> str:
    return word if len(word) > 1 and word.isupper() else word.casefold()


def _phrase(words: Sequence[tuple[int, int, str]]) -> Phrase:
    return tuple(word for _, _, word in words)
