"""Which kind of task rows are made for: small guesses, asked in order, each with the evidence that it rests on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from promptsci.author.guess import MOST_LABELS, Guess, is_label_like
from promptsci.author.table import Table

SLIPS = 0.05
"""Share of the rows that need not fit: published files have slips."""
BIO2 = re.compile(r"O|[BI]-\S+")
REFERENCES = "summary target tldr reference highlights keyphrases keywords response completion output".split()


def guess_kind(table: Table, label: str | None) -> Guess[str] | None:
    """The kind of task that the rows can be, by the first of the guesses below that fits."""
    return next((found for guess in KINDS if (found := guess(table, label)) is not None), None)


def _multiple_choice(table: Table, label: str | None) -> Guess[str] | None:  # noqa: ARG001 - one shape for all
    for options in _lists(table):
        for name in table.columns:
            rows = [(row[options], row.get(name)) for part in table.rows.values() for row in part if row.get(options)]
            right = [_place(listed, value) for listed, value in rows if name != options]
            # The first of several references is right in every row; of options, now this one is and now that.
            if len({place for place in right if place is not None}) > 1 and right.count(None) <= SLIPS * len(right):
                return Guess("multiple-choice", f"column '{name}' names one of the options in column '{options}'")
    return None


def _place(options: list[Any], value: Any) -> int | None:
    """The place of the option that a value names, by its text or by its letter."""
    if value in options:
        return options.index(value)
    place = ord(value.upper()) - ord("A") if isinstance(value, str) and len(value) == 1 else -1
    return place if 0 <= place < len(options) else None


def _extraction(table: Table, label: str | None) -> Guess[str] | None:  # noqa: ARG001
    for name in _lists(table):
        items = [item for value in table.columns[name].values for item in value]
        if len(set(items)) > 1 and all(isinstance(item, str) and BIO2.fullmatch(item) for item in items):
            return Guess("extraction", f"column '{name}' lists tags such as B-X, I-X and O")
    return None


def _multilabel(table: Table, label: str | None) -> Guess[str] | None:  # noqa: ARG001
    for name in _lists(table):
        items = [item for value in table.columns[name].values for item in value]
        few = 1 < len(set(items)) <= MOST_LABELS and 2 * len(set(items)) <= len(items)
        if few and all(isinstance(item, str) for item in items):
            return Guess("multilabel", f"column '{name}' lists any number of {len(set(items))} labels a row")
    return None


def _classification(table: Table, label: str | None) -> Guess[str] | None:
    if label is None or not is_label_like(table.columns[label]):
        return None
    return Guess("classification", f"column '{label}' holds one label of {len(table.columns[label].counts)} a row")


def _generation(table: Table, label: str | None) -> Guess[str] | None:
    named = next((name for name in table.columns if name.lower() in REFERENCES), None)
    return Guess("generation", f"column '{named}' holds texts to write") if named and label is None else None


KINDS: tuple[Callable[[Table, str | None], Guess[str] | None], ...] = (
    _multiple_choice,
    _extraction,
    _classification,
    _multilabel,
    _generation,
)


def _lists(table: Table) -> Iterator[str]:
    """Columns whose every value is a list of single values."""
    for column in table.columns.values():
        if column.values and all(_is_flat(value) for value in column.values):
            yield column.name


def _is_flat(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value)
