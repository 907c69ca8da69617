from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promptsci.errors import DataError
from promptsci.score import Facts, metric_named
from promptsci.tune import BagOfWords, Labelled, Lessons
from promptsci.tune.bag_of_words import STRENGTHS

TEXTS = [f"we {verb} the method {i}" for i in range(12) for verb in ("use", "extend", "cite")]
GOLDS = [0, 1, 2] * 12


def lessons(texts: list[str] = TEXTS, golds: list[int] = GOLDS, labels: tuple[str, ...] = ("a", "b", "c")) -> Lessons:
    """Three labels told apart by one word; every fourth row is for validation."""
    rows = [Labelled(tuple(texts[i] for i in part), np.array([golds[i] for i in part])) for part in _parts(len(texts))]
    return Lessons(Facts("label", labels), *rows, metric=metric_named("macro_f1", labels), seed=0)


def _parts(n: int) -> list[list[int]]:
    return [list(range(n)), [i for i in range(n) if i % 4], [i for i in range(n) if not i % 4]]


def test_it_answers_as_scikit_learn_does() -> None:
    """With the settings it says it chose, scikit-learn's own pipeline gives the same log-probabilities."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    fitted = BagOfWords().fit(lessons(), Path())
    chosen = fitted.training
    oracle = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]+", sublinear_tf=True),
        LogisticRegression(C=chosen["C"], class_weight=chosen["class_weight"], max_iter=2000),
    ).fit(TEXTS, GOLDS)
    unknown = ["we use nothing", "", "they extend the method"]

    np.testing.assert_allclose(fitted.log_probs(unknown), oracle.predict_log_proba(unknown), atol=1e-6)
    weights = oracle[-1]
    assert chosen["trainable_parameters"] == weights.coef_.size + weights.intercept_.size
    assert chosen["examples"] == len(TEXTS)


def test_two_labels_answer_as_scikit_learn_does() -> None:
    """One score for two labels is spread over both, in the right order."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts, golds = [t for t in TEXTS if "cite" not in t], [0, 1] * 12
    fitted = BagOfWords().fit(lessons(texts, golds, ("a", "b")), Path())
    model = LogisticRegression(C=fitted.training["C"], max_iter=2000)
    oracle = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]+", sublinear_tf=True), model
    ).fit(texts, golds)

    assert fitted.training["class_weight"] is None
    np.testing.assert_allclose(fitted.log_probs(texts), oracle.predict_log_proba(texts), atol=1e-6)


def test_of_equally_good_settings_the_plainest_wins() -> None:
    """Where every setting is right on validation, the strongest penalty without class weights is taken."""
    fitted = BagOfWords().fit(lessons(), Path())

    assert fitted.training["validation"] == {"macro_f1": 1.0}
    assert (fitted.training["C"], fitted.training["class_weight"]) == (STRENGTHS[0], None)
    assert fitted.training["tried"] == 2 * len(STRENGTHS)


def test_sequences_are_counted_by_place_where_places_tell() -> None:
    """Aligned sequences whose label is the letter at one place are learned, which character counts alone cannot."""
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(list("ACGT"), 20)) for _ in range(240)]
    golds = ["ACGT".index(text[7]) for text in texts]
    fitted = BagOfWords().fit(lessons(texts, golds, tuple("wxyz")), Path())
    unknown = ["".join(draw.choice(list("ACGT"), 20)) for _ in range(100)]
    answers = fitted.log_probs(unknown).argmax(axis=1)

    assert fitted.training["features"] == "positions"
    assert np.mean(answers == ["ACGT".index(text[7]) for text in unknown]) > 0.9


def test_a_label_without_rows_is_never_answered_and_that_is_said() -> None:
    """A label that no row has gets a finite log-probability below the best one's, probabilities sum to one."""
    fitted = BagOfWords().fit(lessons(labels=("a", "b", "c", "d")), Path())
    answers = fitted.log_probs(TEXTS)

    assert np.isfinite(answers).all()
    np.testing.assert_allclose(np.exp(answers).sum(axis=1), 1)
    assert (answers.argmax(axis=1) < 3).all()
    assert fitted.notes == ("no row to learn from has the label d, which is therefore never answered",)


def test_weights_that_leave_no_doubt_have_a_logarithm() -> None:
    """A thousand repeats of a telling word leave no label at minus infinity."""
    answers = BagOfWords().fit(lessons(), Path()).log_probs(["use " * 1000])

    assert np.isfinite(answers).all()


@pytest.mark.parametrize(
    ("texts", "golds", "what"),
    [(TEXTS, [1] * 36, "the same label"), (["", " ", "\n", "  "] * 9, GOLDS, "nothing that can be counted")],
)
def test_rows_that_teach_nothing_are_refused(texts: list[str], golds: list[int], what: str) -> None:
    """One label, or texts without a word, are the user's mistake and told as such."""
    with pytest.raises(DataError, match=what):
        BagOfWords().fit(lessons(texts, golds), Path())
