"""Where tasks and templates are written: started from data, seen as the model reads them, checked, tested, moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptsci.author.check import Report, Request
    from promptsci.author.golden import left_over
    from promptsci.author.new_task import Plan, Said, plan_task, write_task
    from promptsci.author.new_wording import copy_wording
    from promptsci.author.outcome import Outcome
    from promptsci.author.schema import SCHEMAS, json_schema
    from promptsci.author.show import Shown, measure, shown_prompts
    from promptsci.author.table import Table, read_table
    from promptsci.author.trial import outcomes_of

__all__ = [
    "SCHEMAS",
    "Outcome",
    "Plan",
    "Report",
    "Request",
    "Said",
    "Shown",
    "Table",
    "copy_wording",
    "json_schema",
    "left_over",
    "measure",
    "outcomes_of",
    "plan_task",
    "read_table",
    "shown_prompts",
    "write_task",
]

_HOMES = {
    "SCHEMAS": "schema",
    "Outcome": "outcome",
    "Plan": "new_task",
    "Report": "check",
    "Request": "check",
    "Said": "new_task",
    "Shown": "show",
    "Table": "table",
    "copy_wording": "new_wording",
    "json_schema": "schema",
    "left_over": "golden",
    "measure": "show",
    "outcomes_of": "trial",
    "plan_task": "new_task",
    "read_table": "table",
    "shown_prompts": "show",
    "write_task": "new_task",
}


def __getattr__(name: str) -> Any:
    """Names whose modules are imported when they are first used: a schema needs no rows, a copy no prompts."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"promptsci.author.{_HOMES[name]}"), name)
