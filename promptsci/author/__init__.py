"""Where tasks and templates are written: started from data, seen as the model reads them, checked, tested, moved."""

from promptsci.author.check import Report, Request, check
from promptsci.author.golden import left_over
from promptsci.author.new_task import Plan, plan_task, write_task
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
    "Shown",
    "Table",
    "check",
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
