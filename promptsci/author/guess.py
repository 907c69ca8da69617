"""What a table of rows seems to be: small guesses, each with the evidence that it rests on."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from promptsci.author.table import SPLIT_COLUMNS, Column, Table
from promptsci.data.rows import ID
from promptsci.errors import DataError, did_you_mean

T = TypeVar("T")

MOST_LABELS = 50
LONGEST_LABEL = 6
"""In words."""
TEXT_WORDS = 3
"""A column of text has at least so many words in its middle row; fewer are names and codes."""
UNEVEN = 1.5
"""How much more frequent the largest label is than the smallest before macro-F1 decides."""
LABEL_NAMES = """label labels class category gold gold_label target y annotation answer intent stance sentiment emotion
topic type relation role decision final_decision verdict tag code""".split()


@dataclass(frozen=True)
class Guess(Generic[T]):
    """What is guessed, and why."""

    value: T
    why: str


def guess_label(table: Table) -> Guess[str] | None:
    """The column whose few short values come again and again; one that is called like a label before others."""
    fitting = [column for column in table.columns.values() if is_label_like(column)]
    if not fitting:
        return None
    named = [column for column in fitting if _is_called_label(column.name)]
    best = min(named or fitting, key=lambda column: (_rank_of_name(column.name), len(column.counts)))
    others = [f"{column.name} ({len(column.counts)} values)" for column in fitting if column is not best]
    why = f"{'its name; ' if best in named else ''}{describe_label(best)}"
    return Guess(best.name, why + (f"; also possible: {', '.join(others)}" if others else ""))


def is_label_like(column: Column) -> bool:
    """Whether a column has two to fifty short values, each standing there twice or more on average."""
    if column.name.lower() in (ID, *SPLIT_COLUMNS) or sum(column.counts.values()) < len(column.values):
        return False
    few = 2 <= len(column.counts) <= MOST_LABELS and 2 * len(column.counts) <= len(column.values)
    return few and all(len(value.split()) <= LONGEST_LABEL for value in column.counts)


def describe_label(column: Column) -> str:
    """How many values a column has, and how often each stands there."""
    counts = sorted(column.counts.values())
    often = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    return f"{len(counts)} different values in {len(column.values)} rows, each {often} times"


def _is_called_label(name: str) -> bool:
    return _rank_of_name(name) < len(LABEL_NAMES)


def _rank_of_name(name: str) -> int:
    low = name.lower()
    if low in LABEL_NAMES:
        return LABEL_NAMES.index(low)
    return 0 if low.endswith(("_label", "-label", " label")) else len(LABEL_NAMES)


def guess_fields(table: Table, hidden: Collection[str]) -> Guess[list[str]] | None:
    """The columns of running text; short texts where there is no running text."""
    columns = [
        column
        for column in table.columns.values()
        if column.is_text and column.name not in hidden and column.name.lower() not in (ID, *SPLIT_COLUMNS)
    ]
    running = [column for column in columns if column.words >= TEXT_WORDS]
    varied = [column for column in columns if 2 * len(column.counts) > len(column.values)]
    taken = running or varied
    if not taken:
        return None
    texts = [f"{column.name}: {column.words:g} words in the middle row" for column in taken]
    left = [name for name in table.columns if name not in (*hidden, *(column.name for column in taken))]
    return Guess([c.name for c in taken], "; ".join(texts) + (f"; left out: {', '.join(left)}" if left else ""))


def guess_spellings(column: Column) -> Guess[tuple[list[str], dict[str, str]]]:
    """The labels, and spellings that differ from one in case and white space only: the most frequent one is the label.

    Numbers stand in their order, words in that of the alphabet.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for value, _ in sorted(column.counts.items(), key=lambda item: (-item[1], item[0])):
        alike[" ".join(value.split()).casefold()].append(value)
    labels = sorted((same[0].strip() for same in alike.values()), key=_label_order)
    read = {other: same[0].strip() for same in alike.values() for other in same if other != same[0].strip()}
    counts = ", ".join(f"{label} {_count(column, label, read)}" for label in labels)
    return Guess((labels, read), counts)


def _count(column: Column, label: str, read: Mapping[str, str]) -> int:
    return column.counts[label] + sum(column.counts[other] for other, own in read.items() if own == label)


def _label_order(label: str) -> tuple[int, float, str]:
    return (0, float(label), "") if _is_number(label) else (1, 0.0, label.casefold())


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text) is not None


def guess_words(labels: Sequence[str]) -> Guess[dict[str, str]]:
    """Words for each label: camel case and underscores taken apart, in lower case but for abbreviations."""
    words = {label: in_words(label) for label in labels}
    if len({text.casefold() for text in words.values()}) < len(labels):
        return Guess({label: label for label in labels}, "as the data spell them")
    numbers = [label for label in labels if _is_number(label)]
    why = "labels are numbers: give the words that stand for them" if numbers else "the labels in plain words"
    return Guess(words, why)


def in_words(name: str) -> str:
    """A name as words: ``CompareOrContrast`` is ``compare or contrast``, ``not_entailment`` is ``not entailment``."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[_\s]+", " ", name)).strip()
    return " ".join(word if _is_short_capital(word) else word.lower() for word in apart.split()) or name


def _is_short_capital(word: str) -> bool:
    """Whether a word is an abbreviation: up to four letters, all capitals."""
    return word.isupper() and len(word) <= 4


def guess_metrics(column: Column) -> Guess[list[str]]:
    """Accuracy for labels of about the same size, otherwise macro-F1, which counts each label the same."""
    counts: Counter[str] = column.counts
    ratio = max(counts.values()) / min(counts.values())
    if ratio <= UNEVEN:
        return Guess(["accuracy", "macro_f1"], f"the largest label is {ratio:.1f} times the smallest")
    return Guess(["macro_f1", "accuracy"], f"the largest label is {ratio:.1f} times the smallest, each counts the same")


def column_named(table: Table, name: str) -> Column:
    """The column of that name.

    Raises:
        DataError: there is none; the nearest spelling is given.
    """
    if name not in table.columns:
        fix = did_you_mean(name, table.columns)
        raise DataError(f"there is no column '{name}'", where=str(table.origin), fix=fix)
    return table.columns[name]
