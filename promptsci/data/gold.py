"""The right answer of a row, read in the form of its task: the one place that maps forms to readers.

form         gold
label        text, a label of the task
labels       tuple of labels, in the task's order
options      text, the letter of the right option; the options themselves become the variable ``choices``
number       float
spans        tuple of Span, by place
record       dict, which follows the task's JSON Schema
references   tuple of texts, the first is the one that is shown
phrases      tuple of texts
relevance    text, yes or no
"""

from __future__ import annotations

import json
import math
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from promptsci.data.example import Gold
from promptsci.data.findings import Findings, short
from promptsci.data.record import RecordReader
from promptsci.data.retrieval import KNOWN
from promptsci.data.spans import SpanReader, TagReader
from promptsci.errors import did_you_mean
from promptsci.spec import RELEVANT, Task
from promptsci.spec.forms import LabelColumn, LabelSet, Number, Options, Phrases, References

Row = Mapping[str, Any]
LETTERS = string.ascii_uppercase


class GoldReader(Protocol):
    """Reads the right answers of one file's rows; what is wrong with them goes to its Findings."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        ...

    def fields(self, row: Row, line: int) -> dict[str, Any]:
        """The template variables that the form of the answer adds to the task's fields."""
        ...

    def known(self, row: Row) -> dict[str, Any]:
        """What a judgement must know of a row beside its right answer."""
        ...

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> Gold | None:
        """The right answer of a row; None when it has none, or after a finding."""
        ...

    def labels(self, gold: Gold) -> tuple[str, ...]:
        """The labels that are counted where the right answer is this; none where the form has no labels."""
        ...


class _Reader:
    """What most forms have in common: they add no variables and count no labels."""

    def fields(self, row: Row, line: int) -> dict[str, Any]:  # noqa: ARG002 - the protocol's shape
        return {}

    def known(self, row: Row) -> dict[str, Any]:  # noqa: ARG002 - the protocol's shape
        return {}

    def labels(self, gold: Gold) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's shape
        return ()


class _Spellings:
    """Labels as the data spells them -> as the task spells them."""

    def __init__(self, column: LabelColumn, key: str, findings: Findings) -> None:
        self.names = column.values
        self.known: dict[str, str] = {label: label for label in column.values} | column.read
        self.key = key
        self.findings = findings

    def label(self, value: Any, line: int) -> str | None:
        spelled = value if isinstance(value, str) else json.dumps(value, default=str).strip('"')
        label = self.known.get(spelled)
        if label is None:
            what = f"label '{short(spelled)}' is not a label of the task"
            self.findings.add(what, line, lambda: self._fix(short(spelled)))
        return label

    def _fix(self, spelled: str) -> str:
        near = did_you_mean(spelled, self.names)
        return near if near.startswith("Did") else f"{near} Other spellings go under {self.key}, read in task.yaml."


class LabelReader(_Reader):
    """One label of a fixed set."""

    def __init__(self, column: LabelColumn, findings: Findings) -> None:
        self.columns = (column.column,)
        self.findings = findings
        self.spellings = _Spellings(column, "label", findings)

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> str | None:  # noqa: ARG002
        """The label as the task spells it."""
        (column,) = self.columns
        value = row.get(column)
        if value is None or value == "":
            return None
        if isinstance(value, (list, dict)):
            kind = "a list" if isinstance(value, list) else "an object"
            self.findings.add(f"the label in column '{column}' is {kind}; one label is expected", line)
            return None
        return self.spellings.label(value, line)

    def labels(self, gold: Gold) -> tuple[str, ...]:
        """The label."""
        return (gold,)


class LabelSetReader(_Reader):
    """Any number of labels; an empty list says that none of them fits."""

    def __init__(self, column: LabelSet, findings: Findings) -> None:
        self.columns = (column.column,)
        self.separator = column.separator
        self.findings = findings
        self.spellings = _Spellings(column, "labels", findings)

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> tuple[str, ...] | None:  # noqa: ARG002
        """The labels, each once, in the task's order."""
        (column,) = self.columns
        value = row.get(column)
        if value is None or value == "":
            return None
        if isinstance(value, str) and self.separator is not None:
            value = [part.strip() for part in value.split(self.separator) if part.strip()]
        if not isinstance(value, list):
            what = f"the labels in column '{column}' are no list"
            self.findings.add(what, line, lambda: "Give a list, or say under labels, separator what splits the text.")
            return None
        found = [self.spellings.label(each, line) for each in value]
        return tuple(label for label in self.spellings.names if label in found)

    def labels(self, gold: Gold) -> tuple[str, ...]:
        """The labels."""
        return tuple(gold)


class OptionsReader(_Reader):
    """Options that differ by row, lettered A, B, C, ... in their order, and the letter of the right one."""

    def __init__(self, section: Options, findings: Findings) -> None:
        self.columns = (section.column, section.answer)
        self.read = section.read
        self.findings = findings

    def fields(self, row: Row, line: int) -> dict[str, Any]:
        """The options as ``choices``."""
        column = self.columns[0]
        options = row.get(column)
        if column not in row:
            self.findings.add(f"there is no column '{column}'", line, lambda: _columns(column, row))
        elif not isinstance(options, list) or not all(isinstance(each, str) and each.strip() for each in options):
            self.findings.add(f"the options in column '{column}' are no list of texts", line)
        elif not 2 <= len(options) <= len(LETTERS):
            self.findings.add(f"{len(options)} options; a row has 2 to {len(LETTERS)}", line)
        elif len(set(options)) < len(options):
            self.findings.add("an option stands twice, so that no answer would be right", line)
        else:
            return {"choices": options}
        return {"choices": []}

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> str | None:
        """The letter of the right option."""
        value = row.get(self.columns[1])
        options = fields["choices"]
        if value is None or value == "" or not options:
            return None
        letters = LETTERS[: len(options)]
        spelled = value if isinstance(value, str) else json.dumps(value, default=str)
        letter = self.read.get(spelled, spelled)
        if spelled in options:
            return letters[options.index(spelled)]
        if len(letter) == 1 and letter in letters:
            return letter
        what = f"the answer '{short(spelled)}' is neither a letter of {letters[0]} to {letters[-1]} nor an option"
        self.findings.add(what, line, lambda: "Say under options, read in task.yaml how letters are spelled.")
        return None

    def labels(self, gold: Gold) -> tuple[str, ...]:
        """The letter: how often each position is right."""
        return (gold,)


class NumberReader(_Reader):
    """A number within the task's range."""

    def __init__(self, section: Number, findings: Findings) -> None:
        self.columns = (section.column,)
        self.section = section
        self.findings = findings

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> float | None:  # noqa: ARG002
        """The number."""
        value = row.get(self.columns[0])
        if value is None or value == "":
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            self.findings.add(f"'{short(str(value))}' in column '{self.columns[0]}' is no number", line)
            return None
        low, high = self.section.low, self.section.high
        if not low <= number <= high:
            what = f"{number:g} lies outside {low:g} to {high:g}"
            self.findings.add(what, line, lambda: "The range stands in task.yaml under number: low, high.")
            return None
        return number


class TextsReader(_Reader):
    """Reference texts, or the phrases of a list: one text or a list of them in each column."""

    def __init__(self, columns: Sequence[str], word: str, findings: Findings) -> None:
        self.columns = tuple(columns)
        self.word = word
        self.findings = findings

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> tuple[str, ...] | None:  # noqa: ARG002
        """The texts of all columns, each once."""
        found: list[str] = []
        for column in self.columns:
            value = row.get(column)
            texts = [value] if isinstance(value, str) else value
            if texts is None:
                continue
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                self.findings.add(f"the {self.word} in column '{column}' are neither a text nor a list of texts", line)
                return None
            found += [text for text in texts if text.strip()]
        return tuple(dict.fromkeys(found)) or None


class RelevanceReader(_Reader):
    """Whether a document is relevant to a query."""

    columns = ("grade",)

    def __init__(self, at_least: float) -> None:
        self.at_least = at_least

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> str | None:  # noqa: ARG002
        """Yes from the task's grade on; documents that nobody judged count as not relevant, as in TREC."""
        return RELEVANT[0] if row["grade"] >= self.at_least else RELEVANT[1]

    def known(self, row: Row) -> dict[str, Any]:
        """Query, document, place in the first stage, and what the best ranking would be made of."""
        return {name: row[name] for name in KNOWN}

    def labels(self, gold: Gold) -> tuple[str, ...]:
        """Yes or no."""
        return (gold,)


def _columns(column: str, row: Row) -> str:
    return did_you_mean(column, [short(name) for name in row][:20])


def gold_reader(task: Task, findings: Findings) -> GoldReader:
    """The reader of the task's form of answers."""
    return _READERS[task.form](task, findings)


def _references(section: References, findings: Findings) -> TextsReader:
    columns = [section.column, *([section.more] if section.more else [])]
    return TextsReader(columns, "references", findings)


def _phrases(section: Phrases, findings: Findings) -> TextsReader:
    return TextsReader([section.column], "phrases", findings)


_READERS: Mapping[str, Callable[[Any, Findings], GoldReader]] = {
    "label": lambda task, findings: LabelReader(task.label, findings),
    "labels": lambda task, findings: LabelSetReader(task.label_set, findings),
    "options": lambda task, findings: OptionsReader(task.options, findings),
    "number": lambda task, findings: NumberReader(task.number, findings),
    "spans": lambda task, findings: (TagReader if task.spans.tags else SpanReader)(task.spans, findings),
    "record": lambda task, findings: RecordReader(task.record, task.folder, findings),
    "references": lambda task, findings: _references(task.references, findings),
    "phrases": lambda task, findings: _phrases(task.phrases, findings),
    "relevance": lambda task, _findings: RelevanceReader(task.relevance.at_least),
}
