"""What the form of a task's answers decides about a run: how they are read, written and judged."""

from __future__ import annotations

from typing import Any

from promptsci.data import read_schema
from promptsci.lm import Generation
from promptsci.prompt import GAP, Format
from promptsci.score import Facts
from promptsci.spec import Task, Template


def reading_of(task: Task) -> dict[str, Any]:
    """What decides how the data's right answers are read."""
    if task.label is not None:
        return {"label": {"column": task.label.column, "read": dict(task.label.read)}}
    found: dict[str, Any] = {task.form: task.section.model_dump(by_alias=True)}
    if task.record is not None:
        found["schema"] = read_schema(task.record, task.folder)
    return found


def writing_of(template: Template, task: Task, format_: Format) -> Generation | None:
    """How answers are written, or None where choices are scored.

    In plain text a blank line ends an answer, as it does in the shots; in a chat the model ends it.
    """
    if not template.writes(task):
        return None
    stop = [*template.front.stop, *([GAP] if format_ == "plain" else [])]
    return Generation(template.front.max_tokens, tuple(dict.fromkeys(stop)))


def facts_of(task: Task) -> Facts:
    """What a judgement of a task's rows needs to know.

    Raises:
        SpecError: the task's JSON Schema cannot be read.
    """
    labels = tuple(read_schema(task.record, task.folder).get("properties", {})) if task.record else task.labels
    low, high = (task.number.low, task.number.high) if task.number else (0.0, 1.0)
    return Facts(task.form, labels, low, high)
