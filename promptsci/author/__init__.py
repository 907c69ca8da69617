"""Writing tasks and templates: start one from data, test what it renders, carry it in from and out to other tools."""

from promptsci.author.golden import left_over
from promptsci.author.new_task import Plan, plan_task, write_task
from promptsci.author.new_wording import copy_wording
from promptsci.author.outcome import Outcome
from promptsci.author.schema import SCHEMAS, json_schema
from promptsci.author.table import Table, read_table
from promptsci.author.trial import outcomes_of

__all__ = [
    "SCHEMAS",
    "Outcome",
    "Plan",
    "Table",
    "copy_wording",
    "json_schema",
    "left_over",
    "outcomes_of",
    "plan_task",
    "read_table",
    "write_task",
]
