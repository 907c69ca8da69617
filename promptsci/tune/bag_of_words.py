"""``tfidf``: logistic regression on counted words, the bar that any language model should clear.

Library: scikit-learn. Features come from train's texts by a stated rule; features, C and class weight are those with
the best main metric on validation, and the regression is then fitted once more on all of train, the rows held out for
validation included.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from promptsci.errors import DataError
from promptsci.score.decide import normalise
from promptsci.score.outcomes import FloatArray, IntArray
from promptsci.tune.classifier import Answer, Backend, Labelled, Lessons, absent_notes, label_answers, with_absent
from promptsci.tune.features import Features, candidates

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of C, the inverse of the penalty, from the plainest model on."""
CLASS_WEIGHTS = (None, "balanced")
MAX_ITERATIONS = 2_000
BACKEND = Backend("scikit-learn", "float64", "cpu")


@dataclass(frozen=True)
class Choice:
    """Settings of one fit."""

    features: Features
    strength: float
    class_weight: str | None


@dataclass(eq=False)
class Regression:
    """A fitted logistic regression over counted texts."""

    vectorizer: Any
    model: Any
    labels: tuple[str, ...]
    n_rows: int
    training: dict[str, Any]
    notes: tuple[str, ...] = ()
    backend: Backend = BACKEND
    computed: int = 0

    def log_probs(self, texts: Sequence[str]) -> FloatArray:
        """Log-probabilities (nats) of the labels for texts [N, C]."""
        known = _log_probs(self.model, self.vectorizer.transform(texts))
        return with_absent(known, self.model.classes_, len(self.labels), self.n_rows)

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """The same for predictions.jsonl."""
        return label_answers(self.labels, self.log_probs(texts))


class BagOfWords:
    """TF-IDF and logistic regression."""

    name = "tfidf"
    forms: tuple[str, ...] = ("label",)
    chooses = True

    def identity(self) -> dict[str, Any]:
        """The settings that are tried."""
        return {"C": list(STRENGTHS), "class_weight": list(CLASS_WEIGHTS), "max_iterations": MAX_ITERATIONS}

    def fit(self, lessons: Lessons, home: Path) -> Regression:  # noqa: ARG002 - nothing is kept
        """The regression with the settings that validation chose.

        Raises:
            DataError: the rows to learn from have one label only, or nothing that can be counted.
        """
        from threadpoolctl import threadpool_limits

        _check(lessons)
        # One thread: sums come out the same on every number of cores, and these products are too small to share.
        with threadpool_limits(1):
            return self._fit(lessons)

    def _fit(self, lessons: Lessons) -> Regression:
        start = time.perf_counter()
        among, why = candidates(lessons.train.texts)
        tried = [pair for features in among for pair in _tried(features, lessons)]
        best, value = max(tried, key=lambda pair: pair[1])  # of equals the first: the plainest
        vectorizer = best.features.vectorizer()
        counted = _counted(vectorizer, lessons.whole)
        model = _regression(best.class_weight).set_params(C=best.strength)
        converged = _fit(model, counted, lessons.whole.golds)
        fitted = Regression(vectorizer, model, lessons.labels, len(lessons.whole), {})
        fitted.training = {
            "seconds": round(time.perf_counter() - start, 3),
            "examples": len(lessons.whole),
            "trainable_parameters": int(model.coef_.size + model.intercept_.size),
            "validation_examples": len(lessons.validation),
            "features": best.features.name,
            "features_line": best.features.line,
            "features_because": why,
            "C": best.strength,
            "class_weight": best.class_weight,
            "tried": len(tried),
            "validation": {lessons.metric.name: lessons.sign * value},
        }
        unfinished = () if converged else (f"the regression did not converge in {MAX_ITERATIONS} iterations",)
        fitted.notes = (*absent_notes(lessons.whole.golds, lessons.labels), *unfinished)
        return fitted


def _check(lessons: Lessons) -> None:
    if len(np.unique(lessons.train.golds)) < 2:
        raise DataError(
            "all rows to learn from have the same label, so there is nothing to tell apart",
            fix="Give a train split with two labels or more, or use method=majority.",
        )


def _tried(features: Features, lessons: Lessons) -> Iterator[tuple[Choice, float]]:
    """Yields each choice of settings with its value on validation, from the plainest on."""
    vectorizer = features.vectorizer()
    train = _counted(vectorizer, lessons.train)
    validation = vectorizer.transform(lessons.validation.texts)
    for class_weight in CLASS_WEIGHTS:
        model = _regression(class_weight).set_params(warm_start=True)
        for strength in STRENGTHS:
            _fit(model.set_params(C=strength), train, lessons.train.golds)
            known = _log_probs(model, validation)
            log_probs = with_absent(known, model.classes_, len(lessons.labels), len(lessons.train))
            yield Choice(features, strength, class_weight), lessons.value(log_probs, lessons.validation)


def _regression(class_weight: str | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(class_weight=class_weight, max_iter=MAX_ITERATIONS)


def _counted(vectorizer: Any, rows: Labelled) -> Any:
    try:
        return vectorizer.fit_transform(rows.texts)
    except ValueError as error:  # the library's word for it: empty vocabulary
        raise DataError(
            "the texts to learn from hold nothing that can be counted",
            fix="See whether task.yaml's fields name the right columns.",
        ) from error


def _fit(model: Any, counted: Any, golds: IntArray) -> bool:
    """Whether the regression converged; it is fitted either way."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(counted, golds)
    return bool(np.max(model.n_iter_) < MAX_ITERATIONS)


def _log_probs(model: Any, counted: Any) -> FloatArray:
    """Log-probabilities [N, P] from the scores: the library's own round to zero probability, which has no logarithm."""
    scores = np.asarray(model.decision_function(counted), dtype=np.float64)
    if scores.ndim == 1:  # two labels: one score, for the second against the first
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    return normalise(scores)
