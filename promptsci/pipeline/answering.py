"""What the form of a task's answers decides about a run: how they are read, written and judged."""

from __future__ import annotations

import json
from typing import Any

from promptsci.data import read_schema
from promptsci.data.written import written_form
from promptsci.errors import SpecError
from promptsci.lm import Generation
from promptsci.prompt import GAP, Format
from promptsci.spec import Task, Template


def reading_of(task: Task) -> dict[str, Any]:
    """What decides how the data's right answers are read."""
    if task.label is not None:
        return {"label": {"column": task.label.column, "read": dict(task.label.read)}}
    found: dict[str, Any] = {task.form: task.section.model_dump(by_alias=True)}
    if task.record is not None:
        found["schema"] = read_schema(task.record, task.folder)
    return found


def writing_of(template: Template, task: Task, format_: Format, *, constrain: bool = False) -> Generation | None:
    """How answers are written, or None where choices are scored.

    In plain text a blank line ends an answer, as it does in the shots; in a chat the model ends it.

    Raises:
        SpecError: answers are to be constrained that are no JSON.
    """
    schema = written_form(task, template.words(task.labels)).schema() if template.writes(task) else None
    if constrain and schema is None:
        what = f"task {task.name} ({task.kind}) has no answers in JSON that could be constrained"
        raise SpecError(what, fix="Leave --constrain out.")
    if not template.writes(task):
        return None
    stop = [*template.front.stop, *([GAP] if format_ == "plain" else [])]
    text = json.dumps(schema, ensure_ascii=False) if constrain else None
    return Generation(template.front.max_tokens, tuple(dict.fromkeys(stop)), schema=text)
