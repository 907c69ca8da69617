"""Answers that stand in the text itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promptsci.score import Facts, form_metric
from promptsci.tune import Labelled, Lead, Lessons, WeighedTerms
from promptsci.tune.extracts import first_sentence


def lessons(form: str, texts: list[str]) -> Lessons:
    """Rows with these texts; what is right of them does not matter here."""
    rows = Labelled(tuple(texts), np.array([], dtype=np.int64))
    metric = {"references": "rouge1", "phrases": "f1@10"}[form]
    return Lessons(Facts(form, ()), rows, rows, rows, form_metric(metric, Facts(form, ())), 0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("We find it. It holds.", "We find it."),
        ("We follow Smith et al. 2020 in this. It holds.", "We follow Smith et al. 2020 in this."),
        ("Rates rose by 3.5 per cent. They fell.", "Rates rose by 3.5 per cent."),
        ("Does it hold? (Yes.) It does.", "Does it hold?"),
        ("J. Doe asked, e.g. Why not. Then left.", "J. Doe asked, e.g. Why not."),
        ("no end", "no end"),
        ("", ""),
    ],
)
def test_a_first_sentence_ends_where_a_reader_ends_it(text: str, sentence: str) -> None:
    """Initials, abbreviations and decimals end none."""
    assert first_sentence(text) == sentence


def test_the_lead_is_the_first_sentence() -> None:
    """Whatever train says."""
    fitted = Lead().fit(lessons("references", ["x"]), Path())

    assert fitted.answers(["One thing. Another."]) == [{"answer": "One thing."}]
    assert fitted.training["examples"] == 0


def test_terms_weigh_by_how_often_here_and_how_rarely_in_train() -> None:
    """What every text says comes last; a longer run that stands as often comes before its parts, which are left out."""
    train = ["the method of a study", "a method for a study", "some study"]
    fitted = WeighedTerms().fit(lessons("phrases", train), Path())
    (one,) = fitted.answers(["Quantum dots in a study: quantum dots, 12 dots, and a method."])

    assert one["answer"][0] == "quantum dots"
    assert "dots" not in one["answer"]
    assert one["answer"].index("method") < one["answer"].index("study")
    assert not any(word in phrase.split() for phrase in one["answer"] for word in ("a", "in", "12", "and"))


def test_at_most_ten_phrases_are_answered() -> None:
    """More would not be scored."""
    fitted = WeighedTerms().fit(lessons("phrases", ["x y"]), Path())

    assert len(fitted.answers([". ".join(f"word{letter}" for letter in "abcdefghijklmnop")])[0]["answer"]) == 10
