"""A dictionary of what train marks, by longest match."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from promptsci.score import Facts, form_metric
from promptsci.tune import Dictionary, Labelled, Lessons

FACTS = Facts("spans", ("Disease", "Drug"))


def labelled(rows: Sequence[tuple[str, list[tuple[str, str]]]]) -> Labelled:
    """Texts and their marked phrases with types, each marked where it first stands."""
    found = []
    for number, (text, marked) in enumerate(rows):
        spans = [[text.index(phrase), text.index(phrase) + len(phrase), name] for phrase, name in marked]
        found.append({"id": str(number), "gold": spans})
    return Labelled(tuple(text for text, _ in rows), np.array([], dtype=np.int64), tuple(found))


def lessons(train: Labelled, validation: Labelled) -> Lessons:
    """Lessons over spans of two types."""
    return Lessons(FACTS, train, train, validation, form_metric("entity_f1", FACTS), 0)


TRAIN = labelled(
    [
        ("Gout and acute gout differ .", [("acute gout", "Disease"), ("Gout", "Disease")]),
        ("Aspirin eases gout .", [("Aspirin", "Drug"), ("gout", "Disease")]),
        ("The test was cold .", [("cold", "Disease")]),
        ("A cold day , a cold room , a cold hand .", []),
        ("ALL is a leukaemia .", [("ALL", "Disease")]),
    ]
)


def test_the_longest_phrase_wins_and_case_is_folded() -> None:
    """``acute gout`` is one span, whatever its capitals; an abbreviation does not match the word that it spells."""
    fitted = Dictionary().fit(lessons(TRAIN, labelled([("Acute Gout", [("Acute Gout", "Disease")])])), Path())
    text = "Acute gout , not all gout , but ALL"
    (one,) = fitted.answers([text])

    assert [text[begin:end] for begin, end, _ in one["answer"]] == ["Acute gout", "gout", "ALL"]


def test_validation_says_how_often_a_phrase_must_be_marked() -> None:
    """``cold`` is marked in one of four places: kept where validation marks it, left out where it does not."""
    marked = labelled([("A cold .", [("cold", "Disease")])])
    unmarked = labelled([("A cold day with gout .", [("gout", "Disease")])])
    kept = Dictionary().fit(lessons(TRAIN, marked), Path())
    left = Dictionary().fit(lessons(TRAIN, unmarked), Path())

    assert kept.answers(["So cold"])[0]["answer"] == [[3, 7, "Disease"]]
    assert left.answers(["So cold"])[0]["answer"] == []
    assert left.training["least_share"] == 0.3
    assert left.training["validation"] == {"entity_f1": 1.0}


def test_each_phrase_has_the_type_that_it_has_most_often() -> None:
    """Twice a drug, once a disease: a drug."""
    rows = [("gold", [("gold", "Drug")]), ("gold", [("gold", "Disease")]), ("gold", [("gold", "Drug")])]
    fitted = Dictionary().fit(lessons(labelled(rows), labelled(rows)), Path())

    assert fitted.answers(["gold"])[0]["answer"] == [[0, 4, "Drug"]]
