"""The right answers of somebody's rows: the section of task.yaml that says where they stand and what they can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptsci.author.guess import column_named, guess_metrics, guess_spellings, guess_words
from promptsci.author.guess_kind import SIDES, KindGuess, as_number, parts_of, separator_of
from promptsci.author.table import Column, Table
from promptsci.errors import DataError
from promptsci.spec import FORMS

DECIMALS = 4
"""The most that a number is written with."""


@dataclass(frozen=True)
class Answer:
    """What a new task says of its right answers.

    Attributes:
        form: the key of the task's section.
        section: what the section says.
        columns: the columns that the model must not read, the answer's own first.
        words: label or type -> words that stand for it.
        why: part -> the evidence for it.
        shown: template variable -> column, where the form fixes it; None leaves the fields to be guessed.
        longest: words of the longest answer, where answers are written.
        is_one_line: whether no answer holds a line break.
    """

    form: str
    section: Mapping[str, Any]
    columns: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    shown: Mapping[str, str] | None = None
    longest: int = 0
    is_one_line: bool = True

    @property
    def column(self) -> str:
        """The column of the answer; empty where judgements stand in files of their own."""
        return self.columns[0] if self.columns else ""

    @property
    def is_label(self) -> bool:
        """Whether a row has one label of a fixed set."""
        return self.form == "label"


def answer_of(kind: KindGuess, table: Table) -> Answer:
    """The answers of a table that is made for a kind of task.

    Raises:
        DataError: they cannot be told from the rows.
    """
    return _ANSWERS[kind.value](kind, table)


def label_answer(column: Column) -> Answer:
    """One label a row."""
    spellings = guess_spellings(column)
    labels, read = spellings.value
    words, metrics = guess_words(labels), guess_metrics(column)
    section = {"column": column.name, "values": labels, **({"read": read} if read else {})}
    why = {"labels": spellings.why, "words": words.why, "metrics": metrics.why}
    return Answer("label", section, (column.name,), words.value, why, tuple(metrics.value))


def _label(kind: KindGuess, table: Table) -> Answer:
    return label_answer(column_named(table, kind.columns[0]))


def _labels(kind: KindGuess, table: Table) -> Answer:
    column = column_named(table, kind.columns[0])
    separator = separator_of(column)
    rows = [parts_of(value, separator) if separator else value for value in column.values]
    labels = sorted({label for row in rows for label in row}, key=str.casefold)
    words = guess_words(labels)
    section = {"column": column.name, "values": labels, **({"separator": separator} if separator else {})}
    longest = max(sum(len(words.value[label].split()) for label in row) for row in rows)
    why = {"labels": f"all that stand in column '{column.name}'", "words": words.why}
    return Answer("labels", section, (column.name,), words.value, why, longest=longest)


def _options(kind: KindGuess, table: Table) -> Answer:  # noqa: ARG001 - one shape for all
    answer, options = kind.columns
    return Answer("options", {"column": options, "answer": answer}, (answer, options))


def _number(kind: KindGuess, table: Table) -> Answer:
    column = column_named(table, kind.columns[0])
    values = [number for value in column.values if (number := as_number(value)) is not None]
    decimals = min(DECIMALS, max(len(f"{value:.10g}".partition(".")[2]) for value in values))
    low, high = math.floor(min(values)), math.ceil(max(values))
    section = {"column": column.name, "low": low, "high": high, "decimals": decimals}
    why = {"range": f"{min(values):g} to {max(values):g} in {len(values)} rows"}
    return Answer("number", section, (column.name,), why=why, longest=4)


def _spans(kind: KindGuess, table: Table) -> Answer:
    column = column_named(table, kind.columns[0])
    items = [item for value in column.values for item in value]
    tagged = isinstance(items[0], str)
    types = sorted({item[2:] for item in items if item != "O"} if tagged else {str(item["type"]) for item in items})
    words = guess_words(types)
    why = {"labels": f"all types in column '{column.name}'", "words": words.why}
    section: dict[str, Any] = {"types": types}
    if tagged:
        tokens = _tokens(column, table)
        section = {"tokens": tokens, "tags": column.name, **section}
        return Answer("spans", section, (column.name, tokens), words.value, why, shown={}, longest=90)
    texts = [each for each in table.columns.values() if each.is_text and _holds(each, column)]
    if not texts:
        raise DataError(f"no column of text holds the spans of column '{column.name}'", where=str(table.origin))
    section = {"column": column.name, **section}
    return Answer("spans", section, (column.name,), words.value, why, shown={"text": texts[0].name}, longest=90)


def _tokens(tags: Column, table: Table) -> str:
    """The column of lists that are as long as those of tags."""
    wanted = [len(value) for value in tags.values]
    for column in table.columns.values():
        lists = [value for value in column.values if isinstance(value, list)]
        if column is not tags and [len(value) for value in lists] == wanted:
            return column.name
    raise DataError(f"no column lists as many tokens as '{tags.name}' lists tags", where=str(table.origin))


def _holds(text: Column, spans: Column) -> bool:
    """Whether every span lies inside the text of its row."""
    pairs = zip(text.values, spans.values, strict=False)
    fitting = all(span["end"] <= len(value) for value, found in pairs for span in found)
    return fitting and len(text.values) == len(spans.values)


def _texts(kind: KindGuess, table: Table) -> Answer:
    column = column_named(table, kind.columns[0])
    if all(isinstance(value, list) for value in column.values) and "key" in column.name.lower():
        longest = max(sum(len(text.split()) + 1 for text in value) for value in column.values)
        return Answer("phrases", {"column": column.name}, (column.name,), longest=longest)
    texts = [text for value in column.values for text in (value if isinstance(value, list) else [value])]
    longest = max(len(str(text).split()) for text in texts)
    one_line = not any("\n" in str(text).strip() for text in texts)
    return Answer("references", {"column": column.name}, (column.name,), longest=longest, is_one_line=one_line)


def _relevance(kind: KindGuess, table: Table) -> Answer:  # noqa: ARG001
    corpus, queries = SIDES
    shown: dict[str, str] = {}
    for side, rows in (("query", queries), ("document", corpus)):
        for name in _texts_of(table, rows):
            variable = side if name == "text" else name
            shown[variable if variable not in shown else f"{side}_{name}"] = f"{side}.{name}"
    words = {"yes": "yes", "no": "no"}
    return Answer("relevance", {"candidates": 20, "at_least": 1}, (), words, shown=shown)


def _texts_of(table: Table, side: str) -> list[str]:
    rows: Sequence[Mapping[str, Any]] = table.rows[side]
    return [name for name, value in rows[0].items() if name != "id" and isinstance(value, str)]


_ANSWERS: Mapping[str, Callable[[KindGuess, Table], Answer]] = {
    "classification": _label,
    "multilabel": _labels,
    "multiple-choice": _options,
    "regression": _number,
    "extraction": _spans,
    "generation": _texts,
    "ranking": _relevance,
}


def metrics_of(answer: Answer) -> list[str]:
    """The metrics of a new task: as guessed, or the usual ones of the form."""
    return list(answer.metrics or FORMS[answer.form].metrics)
