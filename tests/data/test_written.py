from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data import Example, Span
from promptsci.data.written import NOWHERE, written_form
from promptsci.spec import Task

BASE = {"name": "tiny", "title": "Tiny", "data": {"own": {"files": {"test": "test.jsonl"}}}, "fields": {"text": "text"}}
LABELS = Task.model_validate({**BASE, "kind": "multilabel", "labels": {"column": "gold", "values": ["a", "a, b", "b"]}})
SPANS = Task.model_validate({**BASE, "kind": "extraction", "spans": {"column": "gold", "types": ["X", "Y"]}})
NUMBER = Task.model_validate(
    {**BASE, "kind": "regression", "number": {"column": "gold", "low": "-2", "high": "5", "decimals": "1"}}
)
PHRASES = Task.model_validate({**BASE, "kind": "generation", "phrases": {"column": "gold", "separator": "; "}})
WORDS = {"X": "substance", "Y": "heat"}


def example(text: str = "", gold: Any = None) -> Example:
    """An Example with one text field."""
    return Example("e", {"text": text}, gold)


@given(st.lists(st.sampled_from(["a", "a, b", "b"]), unique=True))
def test_labels_are_read_as_they_are_written(labels: list[str]) -> None:
    """Even where one label's words hold another's and the comma, a list is read as the labels it was written for."""
    gold = tuple(label for label in LABELS.labels if label in labels)
    if {"a", "b"} <= set(gold) and "a, b" not in gold:
        return  # "a, b" is then also the words of the third label: the task's own words are not told apart
    form = written_form(LABELS, {label: label for label in LABELS.labels})

    assert form.read(form.write(example(gold=gold)), example()) == gold


def test_a_list_with_an_unknown_label_is_invalid() -> None:
    """Case, spaces and a full stop do not matter; a word that is no label makes the answer invalid."""
    form = written_form(LABELS, {label: label for label in LABELS.labels})

    assert form.read(" B.\nand more", example()) == ("b",)
    assert form.read("None", example()) == ()
    assert [form.read(text, example()) for text in ("", "b, z", "a none")] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3.0), (" 4.5 points", 4.5), ("about -1.5", -1.5), ("4,5", 4.5), ("\u22121", -1.0), ("7", None),
     ("none", None), ("1e400", None)],
)  # fmt: skip
def test_the_first_number_counts(text: str, value: float | None) -> None:
    """A number inside a sentence is read; one outside the range, or none, is invalid."""
    assert written_form(NUMBER, {}).read(text, example()) == value


def test_numbers_are_written_with_their_decimals() -> None:
    """No sign stands before a zero."""
    form = written_form(NUMBER, {})

    assert [form.write(example(gold=number)) for number in (2.0, 2.26, -0.01)] == ["2.0", "2.3", "0.0"]


@given(st.text("ab ,.é", min_size=1, max_size=30), st.data())
def test_spans_are_read_as_they_are_written(text: str, data: st.DataObject) -> None:
    """The first occurrences of texts that stand alone come back with their places and types."""
    words = [(at, at + len(word)) for word in set(text.split()) if (at := text.find(word)) >= 0]
    places = [place for place in words if text.count(text[slice(*place)]) == 1]
    chosen = data.draw(st.lists(st.sampled_from(places), unique=True)) if places else []
    gold = tuple(sorted(Span(*place, data.draw(st.sampled_from(["X", "Y"]))) for place in chosen))
    form = written_form(SPANS, WORDS)

    assert form.read(form.write(example(text, gold)), example(text)) == gold


def test_places_are_recovered_from_the_text() -> None:
    """Repeats take the next place, whole words come first, other case comes last, and what is nowhere is kept."""
    form = written_form(SPANS, WORDS)
    source = example("zincate, zinc and Zinc")

    assert form.read('{"substance": ["zinc"]}', source) == (Span(9, 13, "X"),)
    assert form.read('{"substance": ["zinc", "zinc", "zinc", "zinc"]}', source) == (
        Span(0, 4, "X"), Span(9, 13, "X"), Span(18, 22, "X"), Span(NOWHERE, NOWHERE, "X"),
    )  # fmt: skip
    assert form.read('{"heat": ["zinc and"], "substance": ["zinc"]}', source) == (
        Span(9, 13, "X"), Span(9, 17, "Y"),
    )  # fmt: skip
    assert form.read('Sure: {"substance": ["iron"]} as asked', source) == (Span(NOWHERE, NOWHERE, "X"),)


@pytest.mark.parametrize(
    "text",
    ["", "zinc", '{"substance": ["zinc"', '{"metal": ["zinc"]}', '{"substance": "zinc"}', '{"substance": [""]}', "[1]"],
)
def test_what_is_not_the_json_asked_for_is_invalid(text: str) -> None:
    """Cut JSON, unknown types and values that are no lists of texts are no answer."""
    assert written_form(SPANS, WORDS).read(text, example("zinc")) is None


def test_phrases_are_split_at_the_separator() -> None:
    """Spaces round the separator do not matter, repeats count once, and the first line is the answer."""
    form = written_form(PHRASES, {})

    assert form.write(example(gold=("a b", "c"))) == "a b; c"
    assert form.read("a b;c ; a b.\nmore", example()) == ("a b", "c")
    assert form.read(" ; ", example()) is None
