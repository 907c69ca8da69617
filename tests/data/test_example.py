from __future__ import annotations

import pytest

from promptsci.data import Dataset, Example, Split, text_key
from promptsci.data.example import split_name
from promptsci.errors import DataError


def test_text_is_all_text_in_the_fields() -> None:
    """Strings, and strings in lists, are joined by newlines in the order of the fields; numbers are no text."""
    example = Example("1", {"title": "A", "year": 1999, "sentences": ["b", 3, "c"]})

    assert example.text == "A\nb\nc"


def test_text_key_folds_case_and_white_space() -> None:
    """Examples that differ in case and white space only have one key; others do not."""
    one, same, other = (Example("x", {"text": text}) for text in (" A\tStraße \n b", "a STRASSE B", "a strasse c"))

    assert text_key(one) == text_key(same) == "a strasse b"
    assert text_key(other) != text_key(one)


@pytest.mark.parametrize(
    ("given", "name"),
    [("dev", "validation"), ("VALID", "validation"), ("val", "validation"), ("Test", "test"), ("Hard", "Hard")],
)
def test_a_split_has_one_name(given: str, name: str) -> None:
    """Dev, valid and val are validation; a split with a name of its own keeps it."""
    assert split_name(given) == name


def test_a_split_that_was_not_read_is_named() -> None:
    """Asking for a split that is not there gives the nearest name."""
    split = Split("train_clean", (), "", "")
    dataset = Dataset("here", "here", None, None, {"train_clean": split})

    assert dataset.split("train_clean") is split
    with pytest.raises(DataError, match=r"^here: there is no split 'train_clen'\n  Did you mean 'train_clean'\?$"):
        dataset.split("train_clen")
