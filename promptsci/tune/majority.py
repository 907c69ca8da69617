"""``majority``: the shares of the labels in train, whatever the text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from promptsci.score.decide import normalise
from promptsci.score.outcomes import FloatArray
from promptsci.tune.classifier import Answer, Backend, Lessons, absent_notes, label_answers

BACKEND = Backend("numpy", "float64", "cpu")


@dataclass(eq=False)
class Shares:
    """The logarithms of the labels' shares [C], the same for every text; a label without a row has half a row."""

    labels: tuple[str, ...]
    log_shares: FloatArray
    training: dict[str, Any]
    notes: tuple[str, ...]
    backend: Backend = BACKEND
    computed: int = 0

    def log_probs(self, texts: Sequence[str]) -> FloatArray:
        """Log-probabilities (nats) of the labels for texts [N, C]."""
        return np.tile(self.log_shares, (len(texts), 1))

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """The same for predictions.jsonl."""
        return label_answers(self.labels, self.log_probs(texts))


class MajorityLabel:
    """Answers train's most frequent label to every text; of equals the first in task order."""

    name = "majority"
    forms: tuple[str, ...] = ("label",)
    chooses = False

    def identity(self) -> dict[str, Any]:
        """Nothing: there is nothing to set."""
        return {}

    def fit(self, lessons: Lessons, home: Path) -> Shares:  # noqa: ARG002 - nothing is kept
        """The shares of the labels."""
        start = time.perf_counter()
        counts = np.bincount(lessons.whole.golds, minlength=len(lessons.labels))
        log_shares = normalise(np.log(np.maximum(counts, 0.5)))
        training = {
            "seconds": round(time.perf_counter() - start, 3),
            "examples": len(lessons.whole),
            "trainable_parameters": 0,
        }
        return Shares(lessons.labels, log_shares, training, absent_notes(lessons.whole.golds, lessons.labels))
