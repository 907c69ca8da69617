"""Rows of a file become Examples of a task: columns, right answers and ids are checked, every problem with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promptsci.data.example import Example
from promptsci.data.findings import Findings, short
from promptsci.data.gold import GoldReader, gold_reader
from promptsci.errors import DataError, did_you_mean
from promptsci.spec import Task

ID = "id"


def to_examples(
    rows: Iterable[tuple[int, Mapping[str, Any]]], task: Task, split: str, findings: Findings
) -> tuple[Example, ...]:
    """The Examples in row order.

    A column ``id`` gives the ids; without one they are ``<split>-<index>``, counted from 0. A right answer that is
    missing, null or empty is None.

    Args:
        rows: (line, row) pairs.
        task: says which columns are the fields and hold the right answer.
        split: its name, for made-up ids.
        findings: what the reader of the rows found so far.

    Raises:
        DataError: no rows, or one problem with them.
        Problems: several problems.
    """
    examples = tuple(_examples(rows, task, split, findings))
    findings.raise_any()
    if not examples:
        raise DataError("there are no rows", where=findings.origin)
    return examples


def _examples(
    rows: Iterable[tuple[int, Mapping[str, Any]]], task: Task, split: str, findings: Findings
) -> Iterator[Example]:
    ids = _Ids(split, findings)
    reader = gold_reader(task, findings)
    for line, row in rows:
        fields = fields_of(row, line, task, reader, findings)
        for column in reader.columns:
            _check_nested(column, row.get(column), line, findings)
        yield Example(ids.of(row, line), fields, reader.gold(row, fields, line), reader.known(row))


def fields_of(row: Mapping[str, Any], line: int, task: Task, reader: GoldReader, findings: Findings) -> dict[str, Any]:
    """The template variables of a row, its right answer left alone; what is wrong goes to findings."""
    fields = {field: _value(row, column, line, findings) for field, column in task.fields.items()}
    return fields | reader.fields(row, line)


class _Ids:
    """Ids of one split's rows, each used once."""

    def __init__(self, split: str, findings: Findings) -> None:
        self.split = split
        self.findings = findings
        self.given: bool | None = None
        self.lines: dict[str, int] = {}

    def of(self, row: Mapping[str, Any], line: int) -> str:
        if self.given is None:
            self.given = ID in row
        if self.given != (ID in row):
            self.findings.add("some rows have an id and some have none", line, lambda: "Give every row an id, or none.")
        name = self._given(row[ID], line) if ID in row else f"{self.split}-{len(self.lines)}"
        first = self.lines.setdefault(name, line)
        if first != line:
            self.findings.add(f"the id '{short(name)}' stands twice, on lines {first} and {line}", line)
        return name

    def _given(self, value: Any, line: int) -> str:
        if isinstance(value, str) and value:
            _check_text(ID, value, line, self.findings)
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        self.findings.add("the id is neither text nor a whole number", line, lambda: "Give every row an id, or none.")
        return f"{self.split}:{line}"


def _value(row: Mapping[str, Any], column: str, line: int, findings: Findings) -> Any:
    """The value of a column, unchanged; None after a finding."""
    value = row.get(column)
    if isinstance(value, str):
        _check_text(column, value, line, findings)
    elif isinstance(value, (int, float)):
        return value
    elif isinstance(value, (list, dict)):
        _check_nested(column, value, line, findings)
    elif column not in row:
        findings.add(f"there is no column '{column}'", line, lambda: _columns(column, row))
    elif value is None:
        findings.add(f"column '{column}' is null", line, lambda: "Give it a value, or remove the row.")
    else:
        what = f"column '{column}' holds a {type(value).__name__}, which a template cannot show"
        findings.add(what, line, lambda: "Convert it to text or a number.")
    return value


def _check_text(column: str, value: str, line: int, findings: Findings) -> None:
    """A lone surrogate (JSON can escape one) would break only later, in a tokenizer or on writing."""
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = f"\\u{ord(value[error.start]):04x}"
        findings.add(f"column '{column}' holds {code}, half of a character", line, lambda: "Write the whole character.")


def _check_nested(column: str, value: Any, line: int, findings: Findings) -> None:
    if not isinstance(value, (list, dict)):
        return
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        what = f"column '{column}' holds a list or object with something other than text and numbers in it"
        findings.add(what, line, lambda: "Convert it to text or numbers.")
    else:
        _check_text(column, text, line, findings)


def _columns(column: str, row: Mapping[str, Any]) -> str:
    """The nearest column, and those there are."""
    names = [short(name) for name in row][:20]
    more = f" and {len(row) - len(names)} more" if len(row) > len(names) else ""
    near = did_you_mean(column, names)
    there = f"Columns: {', '.join(names)}{more}." if names else "The row is empty."
    return f"{near} {there}" if near.startswith("Did") else there
