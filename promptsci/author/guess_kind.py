"""Which kind of task rows are made for: small guesses, asked in order, each with the evidence that it rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from promptsci.author.guess import MOST_LABELS, Guess, is_label_like
from promptsci.author.table import Column, Table

SLIPS = 0.05
"""Share of the rows that need not fit: published files have slips."""
BIO2 = re.compile(r"O|[BI]-\S+")
REFERENCES = "summary target tldr reference highlights keyphrases keywords response completion output".split()


NUMBERS = "score value rating target y measured grade similarity probability affinity solubility activity".split()
NO_NUMBERS = "id index idx number no year month day date line row page".split()
SEPARATORS = ("; ", ";", "|", ", ")
SIDES = ("corpus", "queries")
SPAN = {"start", "end", "type"}


@dataclass(frozen=True)
class KindGuess(Guess[str]):
    """A kind of task, and the columns that it was told by: those of the right answer first."""

    columns: tuple[str, ...] = ()


def guess_kind(table: Table, label: str | None, kind: str | None = None) -> KindGuess | None:
    """The kind of task that the rows can be, by the first of the guesses below that fits.

    Args:
        table: the rows.
        label: the column that looks like a label; None where none does.
        kind: the kind that is asked for; None takes any.
    """
    found = (guess(table, label) for guess in KINDS)
    return next((each for each in found if each is not None and kind in (None, each.value)), None)


def _ranking(table: Table, label: str | None) -> KindGuess | None:  # noqa: ARG001 - one shape for all
    if not set(SIDES) <= set(table.files):
        return None
    return KindGuess("ranking", "files named corpus and queries, and judgements beside them")


def _multiple_choice(table: Table, label: str | None) -> KindGuess | None:  # noqa: ARG001 - one shape for all
    for options in _lists(table):
        for name in table.columns:
            rows = [(row[options], row.get(name)) for part in table.rows.values() for row in part if row.get(options)]
            right = [_place(listed, value) for listed, value in rows if name != options]
            # The first of several references is right in every row; of options, now this one is and now that.
            if len({place for place in right if place is not None}) > 1 and right.count(None) <= SLIPS * len(right):
                why = f"column '{name}' names one of the options in column '{options}'"
                return KindGuess("multiple-choice", why, (name, options))
    return None


def _place(options: list[Any], value: Any) -> int | None:
    """The place of the option that a value names, by its text or by its letter."""
    if value in options:
        return options.index(value)
    place = ord(value.upper()) - ord("A") if isinstance(value, str) and len(value) == 1 else -1
    return place if 0 <= place < len(options) else None


def _extraction(table: Table, label: str | None) -> KindGuess | None:  # noqa: ARG001
    for name in _lists(table):
        items = [item for value in table.columns[name].values for item in value]
        if len(set(items)) > 1 and all(isinstance(item, str) and BIO2.fullmatch(item) for item in items):
            return KindGuess("extraction", f"column '{name}' lists tags such as B-X, I-X and O", (name,))
    for column in table.columns.values():
        lists = [value for value in column.values if isinstance(value, list)]
        spans = [item for value in lists for item in value]
        if spans and len(lists) == len(column.values) and all(_is_span(item) for item in spans):
            return KindGuess("extraction", f"column '{column.name}' lists start, end and type", (column.name,))
    return None


def _is_span(item: Any) -> bool:
    return isinstance(item, dict) and set(item) >= SPAN


def _multilabel(table: Table, label: str | None) -> KindGuess | None:  # noqa: ARG001
    for name in _lists(table):
        items = [item for value in table.columns[name].values for item in value]
        few = 1 < len(set(items)) <= MOST_LABELS and 2 * len(set(items)) <= len(items)
        if few and name.lower() not in REFERENCES and all(isinstance(item, str) for item in items):
            return KindGuess(
                "multilabel", f"column '{name}' lists any number of {len(set(items))} labels a row", (name,)
            )
    return None


def _separated(table: Table, label: str | None) -> KindGuess | None:
    """A column of texts such as ``physics; chemistry``: fewer parts than ways to put them together."""
    for column in table.columns.values():
        separator = separator_of(column)
        if separator is not None and label in (None, column.name):
            labels = {part for value in column.values for part in parts_of(value, separator)}
            why = f"column '{column.name}' holds any number of {len(labels)} labels, with '{separator}' between"
            return KindGuess("multilabel", why, (column.name,))
    return None


def separator_of(column: Column) -> str | None:
    """What stands between the labels of a column of texts; None where they are no labels."""
    for separator in SEPARATORS if column.is_text else ():
        parts = [part for value in column.values for part in parts_of(value, separator)]
        few = 1 < len(set(parts)) <= MOST_LABELS and 4 * len(set(parts)) <= len(parts)
        if few and len(set(parts)) < len(column.counts):
            return separator
    return None


def parts_of(text: str, separator: str) -> list[str]:
    """The labels in a text."""
    return [part.strip() for part in text.split(separator) if part.strip()]


def _classification(table: Table, label: str | None) -> KindGuess | None:
    if label is None or not is_label_like(table.columns[label]):
        return None
    why = f"column '{label}' holds one label of {len(table.columns[label].counts)} a row"
    return KindGuess("classification", why, (label,))


def _generation(table: Table, label: str | None) -> KindGuess | None:
    named = next((name for name in table.columns if name.lower() in REFERENCES), None)
    if named is None or label is not None:
        return None
    return KindGuess("generation", f"column '{named}' holds texts to write", (named,))


def _regression(table: Table, label: str | None) -> KindGuess | None:
    numbers = [column for column in table.columns.values() if _is_measured(column)]
    if not numbers or label is not None:
        return None
    named = next((column for column in numbers if column.name.lower() in NUMBERS), numbers[-1])
    others = [column.name for column in numbers if column is not named]
    why = f"column '{named.name}' holds numbers" + (f"; also possible: {', '.join(others)}" if others else "")
    return KindGuess("regression", why, (named.name,))


def _is_measured(column: Column) -> bool:
    words = set(re.split(r"[\W_]+", column.name.lower()))
    values = [as_number(value) for value in column.values]
    return not words & set(NO_NUMBERS) and None not in values and len(set(values)) > 2


def as_number(value: Any) -> float | None:
    """The number that a value is or spells; None where it is none."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


KINDS: tuple[Callable[[Table, str | None], KindGuess | None], ...] = (
    _ranking,
    _multiple_choice,
    _extraction,
    _separated,
    _classification,
    _multilabel,
    _generation,
    _regression,
)


def _lists(table: Table) -> Iterator[str]:
    """Columns whose every value is a list of single values."""
    for column in table.columns.values():
        if column.values and all(_is_flat(value) for value in column.values):
            yield column.name


def _is_flat(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value)
