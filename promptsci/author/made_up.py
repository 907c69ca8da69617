"""Made-up rows, which show every field by its name: what golden renders use where a task's data lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from promptsci.data import Example, Gold
from promptsci.data.spans import Span
from promptsci.spec import RELEVANT, Task

ROWS_A_LABEL = 2
ROWS = 6
"""Rows of a pool whose task has no labels."""

Made = tuple[Mapping[str, Any], Gold]
"""Variables beside the fields, and the right answer."""


def made_up_pool(task: Task) -> list[Example]:
    """Labelled rows to take shots from: two of each label, or six."""
    n_rows = ROWS_A_LABEL * len(task.labels) if task.form in ("label", "relevance") else ROWS
    return [_example(task, f"made-up-{i}", f"made-up row {i}", i) for i in range(n_rows)]


def made_up_query(task: Task) -> Example:
    """The row that is asked about."""
    return _example(task, "query", "the query", 0)


def _example(task: Task, name: str, row: str, number: int) -> Example:
    fields = {variable: f"({variable} of {row})" for variable in task.variables}
    more, gold = _MADE[task.form](task, row, number)
    return Example(name, {**fields, **more}, gold)


def _label(task: Task, row: str, number: int) -> Made:  # noqa: ARG001 - one shape for all forms
    return {}, task.labels[number % len(task.labels)]


def _labels(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    return {}, task.labels[: number % 2 + 1]


def _options(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    return {"choices": [f"(option {letter} of {row})" for letter in "ABC"]}, "ABC"[number % 3]


def _number(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    assert task.number is not None
    return {}, task.number.low + (task.number.high - task.number.low) * (number % 5) / 4


def _spans(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    assert task.spans is not None
    return {}, (Span(1, 1 + len(task.spans.text), task.labels[number % len(task.labels)]),)


def _record(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    return {}, {"row": row}


def _references(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    return {}, (f"(answer of {row})",)


def _phrases(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    return {}, (f"(first phrase of {row})", f"(second phrase of {row})")


def _relevance(task: Task, row: str, number: int) -> Made:  # noqa: ARG001
    return {}, RELEVANT[number % len(RELEVANT)]


_MADE: Mapping[str, Callable[[Task, str, int], Made]] = {
    "label": _label,
    "labels": _labels,
    "options": _options,
    "number": _number,
    "spans": _spans,
    "record": _record,
    "references": _references,
    "phrases": _phrases,
    "relevance": _relevance,
}
