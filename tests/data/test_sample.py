from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data import Example, stratified
from promptsci.errors import DataError

LABELS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=60)


def made(labels: list[str | None]) -> list[Example]:
    """An Example for each label."""
    return [Example(f"test-{place}", {"text": "x"}, label) for place, label in enumerate(labels)]


def ids(examples: list[Example]) -> list[str]:
    """Their ids."""
    return [example.id for example in examples]


@given(LABELS, st.integers(1, 70), st.integers(0, 5))
def test_each_label_keeps_its_share(labels: list[str | None], n: int, seed: int) -> None:
    """As many rows come as asked for, in file order, none twice; a label has its exact share rounded down or up."""
    examples = made(labels)
    sample = stratified(examples, n, seed)
    places = [examples.index(example) for example in sample]
    taken, sizes = Counter(example.gold for example in sample), Counter(labels)

    assert len(sample) == min(n, len(labels))
    assert places == sorted(set(places))
    assert all(abs(taken[label] * len(labels) - len(sample) * size) < len(labels) for label, size in sizes.items())


def test_largest_remainder() -> None:
    """Of 5 rows from 50 a, 30 b and 20 c (2.5, 1.5, 1) the row left over goes to the larger of two equal remainders."""
    sample = stratified(made(["a"] * 50 + ["b"] * 30 + ["c"] * 20), 5, 0)

    assert Counter(example.gold for example in sample) == {"a": 3, "b": 1, "c": 1}


@given(LABELS, st.integers(1, 60), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(labels: list[str | None], n: int, shuffler: random.Random) -> None:
    """The same rows in another order give the same sample."""
    examples = made(labels)
    shuffled = examples.copy()
    shuffler.shuffle(shuffled)

    assert set(ids(stratified(examples, n, 3))) == set(ids(stratified(shuffled, n, 3)))


@given(LABELS, st.integers(1, 30))
def test_a_sample_lies_within_one_twice_as_large(labels: list[str | None], n: int) -> None:
    """Every row of the sample of n is in that of 2n, unless its label's share of n is under half a row."""
    examples = made(labels)
    sizes = Counter(labels)
    small, large = stratified(examples, n, 0), set(ids(stratified(examples, 2 * n, 0)))
    lost = [example for example in small if example.id not in large]

    assert all(2 * n * sizes[example.gold] < len(labels) for example in lost)


def test_the_seed_matters() -> None:
    """Another seed takes other rows; the same seed the same."""
    examples = made(["a", "b"] * 100)

    assert stratified(examples, 20, 1) == stratified(examples, 20, 1)
    assert stratified(examples, 20, 1) != stratified(examples, 20, 2)


def test_seeds_take_rows_evenly() -> None:
    """Over many seeds each row is taken about equally often: 200 draws of 10 in 40, 50 expected, sd 6.1."""
    examples = made(["a"] * 40)
    taken = Counter(example.id for seed in range(200) for example in stratified(examples, 10, seed))

    assert len(taken) == 40
    assert 25 < min(taken.values()) <= max(taken.values()) < 75


@pytest.mark.parametrize("n", [0, -3])
def test_no_rows_is_no_sample(n: int) -> None:
    """A limit below 1 is refused."""
    with pytest.raises(DataError, match=rf"^cannot take {n} rows\n  Give --limit a number of 1 or more\.$"):
        stratified(made(["a"]), n, 0)
