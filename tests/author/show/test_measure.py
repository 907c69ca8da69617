from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.author.show.measure import BINS, MAX_ROWS, histogram, measure
from promptsci.data import Example, read_dataset
from promptsci.lm import Reader
from promptsci.lm.context import UNBOUNDED
from promptsci.prompt import Assembler, Chooser, Encoder, Pool, Questioner, chooser
from promptsci.spec import Catalog


@dataclass
class Made:
    """Prompts of the desk."""

    assembler: Assembler
    rows: tuple[Example, ...]
    pool: Pool
    reader: Reader | None
    encoder: Encoder | None

    room = 0

    def chooser(self, k: int) -> Chooser:
        return chooser("random", self.pool, k, 0, self.assembler.task)

    def questioner(self, k: int) -> Questioner | None:
        assert self.encoder is not None
        assert self.reader is not None
        return Questioner(self.assembler, self.encoder, self.chooser(k), self.reader.context)


@pytest.fixture
def made(desk: Any) -> Any:
    """The desk's prompts as a Reader reads them."""

    def make(reader: Reader | None) -> Made:
        catalog = Catalog((desk.root,))
        task = catalog.task("verdicts")
        dataset = read_dataset(task)
        encoder = Encoder(reader.tokenizer, reader.format(None)) if reader else None
        pool = Pool(dataset.splits["train"].examples, task.labels)
        assembler = Assembler(task, catalog.template(None, task))
        return Made(assembler, dataset.splits["test"].examples, pool, reader, encoder)

    return make


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=50))
def test_every_row_is_in_one_bin(lengths: list[int]) -> None:
    """Bins are of one width, touch, and hold each row once."""
    bins = histogram(lengths)

    assert sum(each.rows for each in bins) == len(lengths)
    assert len(bins) <= BINS
    assert len({each.high - each.low for each in bins}) == 1
    assert all(left.high + 1 == right.low for left, right in pairwise(bins))
    assert [each.rows for each in bins] == [sum(each.low <= n <= each.high for n in lengths) for each in bins]


def test_fits_are_those_of_prompts_made_one_by_one(made: Any, make_reader: Any) -> None:
    """Median, longest and the rows over the context are what tokenising each whole text alone gives."""
    prompts = made(make_reader(words=(" praise",), context=330))
    found = measure(prompts, 4, 0)
    for fit in found.fits:
        lengths = sorted(
            max(len(prompts.reader.tokenizer.encode([f"{prompt.plain()} {words}"])[0].ids) for words in prompt.choices)
            for row in prompts.rows
            for prompt in [prompts.assembler.prompt(row, prompts.chooser(fit.shots).shots(row))]
        )
        assert fit.longest == lengths[-1]
        assert fit.too_long == sum(length > 330 for length in lengths)
        assert lengths[len(lengths) // 2 - 1] <= fit.median <= lengths[len(lengths) // 2]
    assert [fit.shots for fit in found.fits] == [0, 4, 8, 16]
    assert {fit.too_long for fit in found.fits} == {0, 24}


def test_a_pool_that_is_too_small_is_said(made: Any, make_reader: Any, desk: Any) -> None:
    """Where the pool cannot give so many shots, the reason stands in place of the numbers."""
    desk.write("train.jsonl", "".join(desk.path("train.jsonl").read_text().splitlines(keepends=True)[:6]))
    last = measure(made(make_reader()), 0, 0).fits[-1]

    assert (last.shots, last.longest) == (16, None)
    assert "the pool has 6" in last.why_not


def test_an_unknown_context_is_not_guessed(made: Any, make_reader: Any) -> None:
    """A tokenizer without a model's config has no context, and no row is said not to fit."""
    prompts = made(make_reader())

    assert prompts.reader.context == UNBOUNDED
    assert measure(prompts, 0, 0).context is None
    assert {fit.too_long for fit in measure(prompts, 0, 0).fits} == {None}


def test_large_splits_are_sampled_and_it_is_said(made: Any, make_reader: Any, desk: Any) -> None:
    """Of a large split a sample is measured, and the result says of how many."""
    import json

    many = [{"id": f"n{n}", "text": f"row {n}", "label": ("good", "bad")[n % 2]} for n in range(MAX_ROWS + 100)]
    desk.write("test.jsonl", "".join(json.dumps(row) + "\n" for row in many))
    found = measure(made(make_reader()), 0, 0)

    assert (found.rows, found.of_rows) == (MAX_ROWS, MAX_ROWS + 100)


def test_nothing_is_measured_without_a_tokenizer(made: Any) -> None:
    """No tokenizer, no lengths."""
    assert measure(made(None), 0, 0) is None
