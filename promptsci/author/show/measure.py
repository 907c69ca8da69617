"""How long the prompts of a split are, how many do not fit the context, and what scoring them costs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from promptsci.author.show.lengths import Lengths
from promptsci.data import Example, stratified
from promptsci.errors import PromptError
from promptsci.lm import Reader
from promptsci.lm.context import UNBOUNDED
from promptsci.prompt import Assembler, Chooser, Encoder, Prompt, Question, Questioner

SHOTS = (0, 4, 8, 16)
BINS = 12
MAX_ROWS = 500
"""Rows that are measured; of a larger split, a stratified sample."""
COST_ROWS = 200
"""Rows whose sharing is planned."""


class Prompts(Protocol):
    """What makes the prompts of a run: ``pipeline.Preview`` is one."""

    @property
    def assembler(self) -> Assembler:
        """Renders the template."""
        ...

    @property
    def rows(self) -> tuple[Example, ...]:
        """The rows of the split."""
        ...

    @property
    def room(self) -> int:
        """Tokens kept for a written answer; 0 where choices are scored."""
        ...

    @property
    def reader(self) -> Reader | None:
        """The model's reading half."""
        ...

    @property
    def encoder(self) -> Encoder | None:
        """Makes token ids."""
        ...

    def chooser(self, k: int) -> Chooser:
        """How k shots are chosen."""
        ...

    def questioner(self, k: int) -> Questioner | None:
        """Who makes the questions with k shots."""
        ...


@dataclass(frozen=True)
class Fit:
    """The prompts with so many shots, each with its longest answer.

    Attributes:
        shots: how many.
        rows: rows measured.
        median: tokens of the middle row.
        longest: tokens of the longest.
        too_long: rows that do not fit the context; None where the context is not known.
        why_not: why there are no numbers: the pool is too small.
    """

    shots: int
    rows: int = 0
    median: int | None = None
    longest: int | None = None
    too_long: int | None = None
    why_not: str | None = None


@dataclass(frozen=True)
class Bin:
    """Rows whose prompts have from ``low`` to ``high`` tokens."""

    low: int
    high: int
    rows: int


@dataclass(frozen=True)
class Cost:
    """Tokens of asking about 1,000 rows, reckoned from ``rows`` rows.

    Attributes:
        shared: with prefixes computed once; scored choices with the reference prompts of the decision rules.
        unshared: with every prompt, and every choice behind it, computed alone.
        written: the most that is written, where answers are written.
    """

    rows: int
    shared: int
    unshared: int
    written: int


@dataclass(frozen=True)
class Measure:
    """The lengths, fits and cost of a split's prompts; ``rows`` of its ``of_rows`` were measured."""

    rows: int
    of_rows: int
    context: int | None
    histogram: tuple[Bin, ...]
    fits: tuple[Fit, ...]
    cost: Cost | None

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def measure(prompts: Prompts, shots: int, seed: int) -> Measure | None:
    """The Measure of a split's prompts; None where no tokenizer is at hand.

    Args:
        prompts: makes them.
        shots: how many the histogram and the cost are for.
        seed: of the sample.

    Raises:
        PromptError: a row cannot be rendered.
    """
    if prompts.encoder is None or prompts.reader is None:
        return None
    rows = stratified(prompts.rows, MAX_ROWS, seed)
    context = prompts.reader.context
    known = context if context != UNBOUNDED else None
    lengths = Lengths(prompts.encoder, prompts.room)
    asked = lengths.of(_made(prompts, rows, shots))
    fits = [
        _fit(asked, shots, known) if k == shots else _fit_with(prompts, lengths, rows, k, known)
        for k in sorted({*SHOTS, shots})
    ]
    return Measure(len(rows), len(prompts.rows), known, histogram(asked), tuple(fits), _cost(prompts, rows, shots))


def _made(prompts: Prompts, rows: Sequence[Example], k: int) -> list[Prompt]:
    """Each row's prompt behind all its shots."""
    chooser = prompts.chooser(k)
    return [prompts.assembler.prompt(example, chooser.shots(example)) for example in rows]


def _fit_with(prompts: Prompts, lengths: Lengths, rows: Sequence[Example], k: int, context: int | None) -> Fit:
    """The Fit with k shots, where the pool has so many."""
    try:
        return _fit(lengths.of(_made(prompts, rows, k)), k, context)
    except PromptError as error:
        return Fit(k, why_not=error.what)


def _fit(lengths: Sequence[int], k: int, context: int | None) -> Fit:
    too_long = sum(length > context for length in lengths) if context is not None else None
    return Fit(k, len(lengths), round(statistics.median(lengths)), max(lengths), too_long)


def histogram(lengths: Sequence[int]) -> tuple[Bin, ...]:
    """At most BINS bins of equal width from the shortest to the longest."""
    low, high = min(lengths), max(lengths)
    width = max(1, -(-(high - low + 1) // BINS))
    starts = range(low, high + 1, width)
    return tuple(Bin(a, a + width - 1, sum(a <= length < a + width for length in lengths)) for a in starts)


def _cost(prompts: Prompts, rows: Sequence[Example], k: int) -> Cost | None:
    """The cost with k shots, planned by the very trie that a run plans; None where no row fits the context."""
    from promptsci.lm.trie import Asked, build

    questioner = prompts.questioner(k)
    assert questioner is not None, "there is a tokenizer"
    queries: dict[tuple[str, tuple[str, ...]], Asked] = {}
    questions = _questions(questioner, rows[:COST_ROWS])
    for question in questions:
        for query in question.queries():
            # Where answers are written the prompt alone is read: its last token takes the place of a choice.
            is_scored = bool(query.choice_ids)
            asked = (query.ids, query.choice_ids) if is_scored else (query.ids[:-1], [query.ids[-1:].tolist()])
            queries[query.text, query.choices] = Asked(*asked)
    if not questions:
        return None
    n_rows = len(questions)
    trie = build(list(queries.values()))
    shared, unshared = (round(1000 * n / n_rows) for n in (trie.n_distinct, trie.n_unshared))
    return Cost(n_rows, shared, unshared, 1000 * prompts.room)


def _questions(questioner: Questioner, rows: Sequence[Example]) -> list[Question]:
    """What would be asked about the rows; those that are too long are left out, the table of fits counts them."""
    try:
        return questioner.questions(rows)
    except PromptError:
        if len(rows) < 2:
            return []
    middle = len(rows) // 2
    return [*_questions(questioner, rows[:middle]), *_questions(questioner, rows[middle:])]
