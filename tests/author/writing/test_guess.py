from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.author.guess import (
    guess_fields,
    guess_label,
    guess_metrics,
    guess_spellings,
    guess_words,
    in_words,
)
from promptsci.author.guess_kind import guess_kind
from promptsci.author.table import Column, Table


def table(**columns: list) -> Table:
    """A table of these columns."""
    rows = tuple(dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return Table(Path("it"), {}, {"all": rows}, "")


TEXTS = [f"This is the text of row number {i}." for i in range(12)]


def test_a_column_called_label_comes_first() -> None:
    """Of two columns with few values the one with a label's name is the label; the other is named in the evidence."""
    guess = guess_label(table(text=TEXTS, year=[2000, 2001] * 6, intent=["a", "b", "c"] * 4))

    assert guess is not None
    assert guess.value == "intent"
    assert "3 different values in 12 rows, each 4 times" in guess.why
    assert "also possible: year (2 values)" in guess.why


def test_without_a_name_the_fewest_values_decide() -> None:
    """No column has a label's name: the one with the fewest values is taken."""
    guess = guess_label(table(text=TEXTS, five=list("aabbccddeeab"), two=list("xy") * 6))

    assert guess is not None
    assert guess.value == "two"


@pytest.mark.parametrize(
    "values",
    [
        ["same"] * 12,
        [f"v{i}" for i in range(12)],
        [["a"], ["b"]] * 6,
        ["one two three four five six seven", "b"] * 6,
    ],
    ids=["one-value", "all-differ", "lists", "sentences"],
)
def test_other_columns_are_no_label(values: list) -> None:
    """One value, values that never repeat, lists and whole sentences cannot be the label of a classification."""
    found = table(text=TEXTS, label=values)

    assert guess_label(found) is None
    assert all(
        guess is None or guess.value != "classification" for guess in map(guess_kind, [found] * 2, ["label", None])
    )


def test_ids_and_splits_are_no_label() -> None:
    """Columns that have a meaning of their own are left alone."""
    assert guess_label(table(text=TEXTS, id=list("ab") * 6, split=["train", "test"] * 6)) is None


def test_running_text_is_shown() -> None:
    """Columns of sentences are the fields; numbers, codes and the label are left out and named."""
    codes, years, labels = [f"10/{i}" for i in range(12)], list(range(12)), list("ab") * 6
    found = table(title=TEXTS, abstract=TEXTS, doi=codes, year=years, label=labels)
    guess = guess_fields(found, ["label"])

    assert guess is not None
    assert guess.value == ["title", "abstract"]
    assert guess.why.endswith("left out: doi, year")


def test_short_texts_are_shown_where_there_is_nothing_longer() -> None:
    """Sequences and names are text too; a column of few values is not."""
    sequences = [f"ACGT{i}" for i in range(12)]
    guess = guess_fields(table(sequence=sequences, lab=list("xy") * 6, label=list("ab") * 6), ["label"])

    assert guess is not None
    assert guess.value == ["sequence"]
    assert guess_fields(table(n=list(range(4)), label=list("abab")), ["label"]) is None


def test_spellings_of_one_label_are_joined() -> None:
    """Case and white space make no new label; the most frequent spelling is the label's name."""
    labels, read = guess_spellings(Column("l", ("Uses", "Uses", "uses", " Uses ", "Future"))).value

    assert labels == ["Future", "Uses"]
    assert read == {"uses": "Uses", " Uses ": "Uses"}


def test_numbers_stand_in_their_order() -> None:
    """10 stands behind 9."""
    assert guess_spellings(Column("l", (10, 9, 9, 10))).value[0] == ["9", "10"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CompareOrContrast", "compare or contrast"),
        ("not_entailment", "not entailment"),
        ("EI", "EI"),
        ("N", "N"),
        ("USED-FOR", "used-for"),
        ("Method", "method"),
        ("0", "0"),
        ("__", "__"),
    ],
)
def test_names_become_words(name: str, words: str) -> None:
    """Camel case and underscores are taken apart; abbreviations and numbers stay."""
    assert in_words(name) == words


def test_words_differ() -> None:
    """Where plain words would be the same, labels stand for themselves."""
    assert guess_words(["Not_so", "not so"]).value == {"Not_so": "Not_so", "not so": "not so"}
    assert "numbers" in guess_words(["0", "1"]).why


def test_the_metric_follows_the_balance() -> None:
    """Even labels are judged by accuracy, uneven ones by macro-F1."""
    assert guess_metrics(Column("l", tuple("aabb"))).value[0] == "accuracy"
    assert guess_metrics(Column("l", tuple("aaab"))).value[0] == "macro_f1"


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"q": TEXTS, "options": [["salt", "ice", "ash"]] * 12, "answer": list("ABC") * 4}, "multiple-choice"),
        ({"q": TEXTS, "options": [["salt", "ice"]] * 12, "right": ["ice", "salt"] * 6}, "multiple-choice"),
        ({"tokens": [["a", "b"]] * 12, "tags": [["O", "B-X"], ["B-Y", "I-Y"]] * 6}, "extraction"),
        ({"text": TEXTS, "topics": [["a", "b"], ["b"], []] * 4}, "multilabel"),
        ({"text": TEXTS, "label": ["x", "y"] * 6, "tags": [["a", "b"], ["b"]] * 6}, "classification"),
        ({"text": TEXTS, "summary": [f"Row {i}." for i in range(12)]}, "generation"),
        ({"text": TEXTS, "target": TEXTS, "targets": [[text, "other"] for text in TEXTS]}, "generation"),
        ({"text": TEXTS, "note": [f"Row {i}." for i in range(12)]}, None),
    ],
    ids=["letters", "texts", "tags", "lists", "label", "summary", "references", "nothing"],
)
def test_the_kind_is_told_by_the_columns(columns: dict, kind: str | None) -> None:
    """Options, tags, lists of labels, one label, references: each kind is told by what only it has."""
    found = table(**columns)
    label = guess_label(found)
    guess = guess_kind(found, label.value if label else None)

    assert (guess.value if guess else None) == kind
