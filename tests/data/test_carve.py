from __future__ import annotations

import pytest

from promptsci.data import Example, carve, text_key
from promptsci.errors import DataError


def examples(n: int) -> list[Example]:
    """Rows of two labels, three to one, every tenth a repeat of the first in capitals."""
    texts = [f"text number {i}" if i % 10 else "TEXT  number 0" if i else "Text number 0" for i in range(n)]
    return [Example(f"r{i}", {"text": text}, "ab"[i % 4 == 0]) for i, text in enumerate(texts)]


@pytest.mark.parametrize("seed", range(5))
def test_every_row_goes_one_way_and_no_text_both(seed: int) -> None:
    """Train and validation are all rows, in order, apart; a repeated text stands in one of them only."""
    rows = examples(100)
    train, held = carve(rows, seed)

    assert sorted([*train, *held], key=rows.index) == rows
    assert train == [row for row in rows if row in train]
    assert not {text_key(row) for row in train} & {text_key(row) for row in held}
    assert {row.gold for row in held} == {"a", "b"}


def test_the_seed_draws_the_rows() -> None:
    """The same seed holds out the same rows, another seed others."""
    rows = examples(100)

    assert carve(rows, 0) == carve(rows, 0)
    assert carve(rows, 0) != carve(rows, 1)


def test_few_rows_hold_out_two_a_label_and_never_more_than_half() -> None:
    """Ten texts of two labels hold out four, three texts one."""
    assert len(carve(examples(10), 0)[1]) == 4
    assert {row.gold for row in carve(examples(10), 0)[1]} == {"a", "b"}
    assert len(carve(examples(3), 0)[1]) == 1


def test_one_text_cannot_be_split() -> None:
    """Repeats of one text are too few to hold any out."""
    with pytest.raises(DataError, match="too few to hold validation rows out of"):
        carve([Example("1", {"text": "a"}, "x"), Example("2", {"text": "A"}, "x")], 0)
