from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from promptsci.data import Dataset, Example, Overlap, Split, integrity, seen_ids
from promptsci.errors import DataError


def dataset(**splits: Sequence[tuple[str, str | None]]) -> Dataset:
    """A Dataset of (text, label) rows."""
    made = {
        name: Split(name, tuple(Example(f"{name}-{i}", {"text": t}, gold) for i, (t, gold) in enumerate(rows)), "", "")
        for name, rows in splits.items()
    }
    return Dataset("here", "here", None, None, made)


LEAKY = dataset(
    train=[("A b", "x"), ("a  B", "y"), ("c", "x"), ("c", "x"), ("d", None), ("", "x")],
    validation=[("e", "x"), ("C", "y")],
    test=[("a b", "x"), ("c", "y"), ("C ", "x"), ("d", "x"), ("f", None), ("E", "x")],
)


def test_counts_of_a_split() -> None:
    """Rows, labels, unlabelled, blank, repeats of an earlier row, and texts with more than one label are counted."""
    found = integrity(LEAKY, labels=["z", "y", "x"]).splits["train"]

    assert list(found.labels.items()) == [("z", 0), ("y", 1), ("x", 4)]
    assert (found.rows, found.unlabelled, found.blank, found.duplicates, found.conflicting) == (6, 1, 1, 2, 1)


def test_overlaps() -> None:
    """Test and validation rows that stand in an earlier split are counted, and how far their labels agree.

    In train: 'a b' is x there too, but also y; 'c' is x, once as here and once not; 'd' has no label there.
    """
    assert integrity(LEAKY).overlaps == (
        Overlap("validation", "train", rows=1, other_label=1, disagreeing=1),
        Overlap("test", "train", rows=4, other_label=1, disagreeing=2),
        Overlap("test", "validation", rows=3, other_label=1, disagreeing=1),
    )


def test_extra_splits_are_compared_with_test_only() -> None:
    """A second training split is looked up for test and validation, not against train."""
    found = integrity(dataset(train=[("a", "x")], test=[("b", "x")], train_clean=[("a", "x")]))

    assert [(overlap.split, overlap.other) for overlap in found.overlaps] == [
        ("test", "train"),
        ("test", "train_clean"),
    ]
    assert found.overlap("test", "train_clean") == Overlap("test", "train_clean", 0, 0, 0)
    assert found.overlap("test", "validation") is None


def test_seen_ids() -> None:
    """The ids of rows whose text stands in train, case and white space folded; the overlap's number is theirs."""
    assert seen_ids(LEAKY, "test") == {"test-0", "test-1", "test-2", "test-3"}
    assert seen_ids(LEAKY, "dev") == {"validation-1"}
    assert seen_ids(LEAKY, "test", among="validation") == {"test-1", "test-2", "test-5"}
    assert seen_ids(dataset(test=[("a", "x")]), "test") == frozenset()
    with pytest.raises(DataError, match=r"^here: there is no split 'tets'\n  Did you mean 'test'\?$"):
        seen_ids(LEAKY, "tets")


def test_as_json() -> None:
    """The record is plain JSON with every number in it."""
    value = integrity(LEAKY).to_json()

    assert json.loads(json.dumps(value)) == {
        "splits": value["splits"],
        "overlaps": [
            {"split": "validation", "other": "train", "rows": 1, "other_label": 1, "disagreeing": 1},
            {"split": "test", "other": "train", "rows": 4, "other_label": 1, "disagreeing": 2},
            {"split": "test", "other": "validation", "rows": 3, "other_label": 1, "disagreeing": 1},
        ],
    }
    assert value["splits"]["validation"] == {
        "rows": 2,
        "labels": {"x": 1, "y": 1},
        "unlabelled": 0,
        "blank": 0,
        "duplicates": 0,
        "conflicting": 0,
    }
