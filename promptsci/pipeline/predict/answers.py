"""Answered rows as columns of the labelled file, by the form of the task's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from promptsci.data import Example
from promptsci.data.table import Column
from promptsci.runs import Row, RunFolder
from promptsci.score import Facts
from promptsci.score.decide import BatchPrior
from promptsci.score.known import (
    CHOSEN,
    Known,
    KnownNumbers,
    answers_of,
    decided,
    learn,
    learn_numbers,
    logliks_of,
)
from promptsci.score.outcomes import FloatArray
from promptsci.spec import Task

Cells = dict[str, Any]
RAW = Column("answer_text", "text")
"""What a model wrote, of which the answer was read."""


class Kept(NamedTuple):
    """Counts of decisions: kept, and those whose set has one label, and labels in all sets."""

    kept: int = 0
    single: int = 0
    in_sets: int = 0

    def plus(self, cells: Sequence[Cells]) -> Kept:
        """With these rows."""
        sets = [each["label_set"] for each in cells if each["label_set"] is not None]
        return Kept(
            self.kept + sum(each["abstain"] is False for each in cells),
            self.single + sum(len(labels) == 1 for labels in sets),
            self.in_sets + sum(map(len, sets)),
        )


class Shape(Protocol):
    """Turns answered rows into cells."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are added."""
        ...

    def cells(self, rows: Sequence[Row], examples: Sequence[Example]) -> list[Cells]:
        """The cells of rows of predictions.jsonl, by column."""
        ...


@dataclass
class Choices:
    """One of some choices, each with a probability.

    Args:
        facts: of the task.
        rule: the decision rule.
        known: what labelled rows teach.
        prior: what the ``batch`` rule divides by; it must be there before cells are asked for.
    """

    facts: Facts
    rule: str
    known: Known | None
    prior: FloatArray | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The label, how sure it is, and what it may be otherwise."""
        return (
            Column("label", "text"),
            *((Column("choice", "text"),) if self.facts.form == "options" else ()),
            Column("probability", "number"),
            Column("calibrated_probability", "number"),
            Column("label_set", "texts"),
            Column("abstain", "flag"),
        )

    def cells(self, rows: Sequence[Row], examples: Sequence[Example]) -> list[Cells]:
        """The cells; probabilities to six decimals."""
        if not rows:
            return []
        found = decided(logliks_of(rows, self.facts, self.rule), self.rule, self.known, self.prior)
        cells: list[Cells] = []
        for place, example in enumerate(examples):
            cell: Cells = {"label": found.labels[found.predicted[place]]}
            if self.facts.form == "options":
                cell["choice"] = example.fields["choices"][found.predicted[place]]
            cell["probability"] = round(found.probability[place], 6)
            cell["calibrated_probability"] = round(found.calibrated[place], 6) if found.calibrated else None
            cell["label_set"] = list(found.sets[place]) if found.sets is not None else None
            cell["abstain"] = found.abstain[place] if found.abstain is not None else None
            cells.append(cell)
        return cells


@dataclass
class Numbers:
    """A number, and between what ends the right one lies but for the chosen error."""

    facts: Facts
    known: KnownNumbers | None
    columns = (Column("value", "number"), Column("low", "number"), Column("high", "number"))

    def cells(self, rows: Sequence[Row], examples: Sequence[Example]) -> list[Cells]:  # noqa: ARG002
        """The cells; an interval ends where the task's range does."""
        return [self._cell(value) for value in (answers_of(rows, self.facts) if rows else ())]

    def _cell(self, value: float | None) -> Cells:
        if value is None or self.known is None:
            return {"value": value, "low": None, "high": None}
        reach = self.known.reach
        return {"value": value, "low": max(self.facts.low, value - reach), "high": min(self.facts.high, value + reach)}


@dataclass
class Written:
    """An answer that was written, as it was read; null where the text gives no valid one.

    Args:
        task: what is asked.
        facts: what a judgement needs to know of it.
        own: the column of the answer.
    """

    task: Task
    facts: Facts
    own: Column

    @property
    def columns(self) -> tuple[Column, ...]:
        """The answer, and the text that it was read from."""
        return (self.own, RAW)

    def cells(self, rows: Sequence[Row], examples: Sequence[Example]) -> list[Cells]:
        """The cells."""
        found = answers_of(rows, self.facts) if rows else ()
        return [
            {self.own.name: self._value(answer, example), RAW.name: row.get("text")}
            for row, answer, example in zip(rows, found, examples, strict=True)
        ]

    def _value(self, answer: Any, example: Example) -> Any:
        if answer is None or self.task.spans is None:
            return list(answer) if isinstance(answer, tuple) else answer
        text = example.fields[self.task.spans.text]
        return [
            {"start": start, "end": end, "type": type_, "text": text[start:end]}
            for start, end, type_ in answer
            if start >= 0  # words that do not stand in the text have no place
        ]


_COLUMNS: Mapping[str, Column] = {
    "labels": Column("labels", "texts"),
    "spans": Column("spans", "json"),
    "record": Column("record", "json"),
    "references": Column("answer", "text"),
    "phrases": Column("phrases", "texts"),
}


def shape_of(task: Task, facts: Facts, rule: str, known: RunFolder | None, error: float) -> Shape:
    """How the answers of a task become columns, with what a Run on labelled rows teaches.

    Raises:
        DataError: the error is not in (0, 1), or no row of the Run is labelled.
    """
    rows = list(known.rows()) if known is not None else None
    if facts.form in CHOSEN:
        return Choices(facts, rule, learn(rows, facts, rule, error) if rows else None)
    if facts.form == "number":
        return Numbers(facts, learn_numbers(rows, facts, error) if rows else None)
    return Written(task, facts, _COLUMNS[facts.form])


def prior_over(parts: Any, facts: Facts, rule: str) -> FloatArray | None:
    """The log of the labels' mean probabilities [C] over answered rows that come in parts; None without any row."""
    mean, is_empty = BatchPrior(), True
    for part in parts:
        rows = [row for row in part if "reason" not in row]
        if rows:
            mean.add(logliks_of(rows, facts, rule))
            is_empty = False
    return None if is_empty else mean.value()


def count_calls(counts: np.ndarray[Any, np.dtype[np.int64]], cells: Sequence[Cells], labels: Sequence[str]) -> None:
    """Counts each decision in counts [C+1]; the last counts those that are no label."""
    places = {label: place for place, label in enumerate(labels)}
    for cell in cells:
        counts[places.get(cell["label"], len(labels))] += 1
