from __future__ import annotations

from typing import Any

import pytest

from promptsci.data import Span
from promptsci.data.findings import Findings
from promptsci.data.gold import gold_reader
from promptsci.data.rows import to_examples
from promptsci.errors import DataError, Problems
from promptsci.spec import Task

BASE = {"name": "tiny", "title": "Tiny", "data": {"own": {"files": {"test": "test.jsonl"}}}, "fields": {"text": "text"}}
SECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "labels": ("multilabel", {"column": "gold", "values": ["a", "b"], "read": {"1": "a"}, "separator": ";"}),
    "options": ("multiple-choice", {"column": "options", "answer": "gold", "read": {"1": "A", "2": "B"}}),
    "number": ("regression", {"column": "gold", "low": "0", "high": "5"}),
    "spans": ("extraction", {"column": "gold", "types": ["X", "Y"]}),
    "references": ("generation", {"column": "gold", "more": "others"}),
    "phrases": ("generation", {"column": "gold"}),
}


def task(form: str, **changes: Any) -> Task:
    """A small task of a form."""
    kind, section = SECTIONS[form]
    return Task.model_validate({**BASE, "kind": kind, form: {**section, **changes}})


def read(made: Task, **row: Any) -> Any:
    """The one row as an Example."""
    return to_examples([(1, {"text": "zinc and zinc", **row})], made, "test", Findings("a.jsonl"))[0]


@pytest.mark.parametrize(
    ("form", "row", "gold"),
    [
        ("labels", {"gold": ["b", "a"]}, ("a", "b")),
        ("labels", {"gold": ["1", 1]}, ("a",)),
        ("labels", {"gold": "b; a"}, ("a", "b")),
        ("labels", {"gold": []}, ()),
        ("labels", {"gold": None}, None),
        ("options", {"options": ["x", "y"], "gold": "B"}, "B"),
        ("options", {"options": ["x", "y"], "gold": "y"}, "B"),
        ("options", {"options": ["x", "y"], "gold": 2}, "B"),
        ("options", {"options": ["B", "A"], "gold": "A"}, "B"),
        ("options", {"options": ["x", "y"]}, None),
        ("number", {"gold": 2}, 2.0),
        ("number", {"gold": "4.5"}, 4.5),
        ("number", {"gold": ""}, None),
        ("spans", {"gold": [{"start": 9, "end": 13, "type": "X"}, [0, 4, "Y"]]}, (Span(0, 4, "Y"), Span(9, 13, "X"))),
        ("spans", {"gold": []}, ()),
        ("references", {"gold": "one", "others": ["one", "two"]}, ("one", "two")),
        ("references", {"gold": " "}, None),
        ("phrases", {"gold": ["zinc", "zinc", "iron"]}, ("zinc", "iron")),
    ],
)
def test_right_answers_are_read_in_the_form_of_the_section(form: str, row: dict[str, Any], gold: Any) -> None:
    """Lists, texts and numbers become the one value that the form fixes; what is missing is None."""
    assert read(task(form), **row).gold == gold


@pytest.mark.parametrize(
    ("form", "row", "message"),
    [
        ("labels", {"gold": ["c"]}, r"a\.jsonl:1: label 'c' is not a label of the task"),
        ("labels", {"gold": 3}, r"the labels in column 'gold' are no list"),
        ("options", {"gold": "A"}, r"there is no column 'options'"),
        ("options", {"options": "x, y", "gold": "A"}, r"the options in column 'options' are no list of texts"),
        ("options", {"options": ["x"], "gold": "A"}, r"1 options; a row has 2 to 26"),
        ("options", {"options": ["x", "x"], "gold": "A"}, r"an option stands twice"),
        (
            "options",
            {"options": ["x", "y"], "gold": "C"},
            r"the answer 'C' is neither a letter of A to B nor an option",
        ),
        ("number", {"gold": "high"}, r"'high' in column 'gold' is no number"),
        ("number", {"gold": True}, r"'True' in column 'gold' is no number"),
        ("number", {"gold": 5.5}, r"5\.5 lies outside 0 to 5\n  The range stands in task\.yaml"),
        ("spans", {"gold": [[0, 4, "Z"]]}, r"the type 'Z' is not a type of the task"),
        ("spans", {"gold": [[0, 99, "X"]]}, r"the span 0 to 99 lies outside the text of 13 characters"),
        ("spans", {"gold": [["zinc", "X"]]}, r"a span is no object with start, end and type"),
        ("references", {"gold": [1]}, r"the references in column 'gold' are neither a text nor a list of texts"),
        ("phrases", {"gold": ["\ud800"]}, r"column 'gold' holds \\ud800, half of a character"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(form: str, row: dict[str, Any], message: str) -> None:
    """Each mistake in a right answer has file, line and the value that is wrong."""
    with pytest.raises(DataError, match=message):
        read(task(form), **row)


def tags(scheme: str, *given: str) -> tuple[Span, ...] | None:
    """The spans of these tags on the tokens a, bb, c."""
    made = task("spans", column=None, tokens="tokens", tags="tags", scheme=scheme, text="words")
    example = read(made, tokens=["a", "bb", "c"], tags=list(given))
    assert example.fields["words"] == "a bb c"
    return example.gold


def test_tags_are_spans_of_the_joined_tokens() -> None:
    """BIO2 tags give offsets into the text that the tokens make; IOB1 lets I- begin, and reads BIO2 the same."""
    assert tags("BIO2", "B-X", "I-X", "B-X") == (Span(0, 4, "X"), Span(5, 6, "X"))
    assert tags("BIO2", "O", "B-X", "B-Y") == (Span(2, 4, "X"), Span(5, 6, "Y"))
    assert tags("IOB1", "I-X", "I-X", "I-Y") == (Span(0, 4, "X"), Span(5, 6, "Y"))
    for given in (("B-X", "I-X", "B-X"), ("O", "B-X", "B-Y"), ("O", "O", "O")):
        assert tags("IOB1", *given) == tags("BIO2", *given)


def test_broken_tags_are_told() -> None:
    """An I- that goes on from nothing, a tag too few and a type nobody knows."""
    with pytest.raises(DataError, match=r"the tag 'I-X' of token 2 does not go on from the one before it"):
        tags("BIO2", "O", "I-X", "O")
    with pytest.raises(DataError, match=r"3 tokens have 2 tags"):
        tags("BIO2", "O", "O")
    with pytest.raises((DataError, Problems), match=r"the type 'Z' is not a type of the task"):
        tags("BIO2", "B-Z", "I-Z", "O")


def test_each_form_says_what_is_counted() -> None:
    """Label counts are labels, letters or types; numbers and texts have none."""
    counted = {
        form: gold_reader(task(form), Findings("a")).labels(gold)
        for form, gold in {"labels": ("a", "b"), "options": "A", "number": 1.0, "spans": (Span(0, 1, "X"),) * 2,
                           "references": ("x",)}.items()
    }  # fmt: skip

    assert counted == {"labels": ("a", "b"), "options": ("A",), "number": (), "spans": ("X", "X"), "references": ()}
