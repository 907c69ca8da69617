"""``promptsci test``: golden renders and the ``expect`` cases of wordings, without a model."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options
from promptsci.errors import SpecError

if TYPE_CHECKING:
    from promptsci.author import Outcome
    from promptsci.spec import Catalog, Task


@click.command("test", short_help="Test what wordings render, without a model.")
@nouns_argument("task", "template", metavar="[task=NAME] [template=WORDING]")
@click.option("--update", is_flag=True, help="Write golden renders anew and show what changed.")
@catalog_option
@result_options
def command(nouns: tuple[str, ...], update: bool, catalog: tuple[Path, ...], as_json: bool) -> None:
    r"""Test what wordings render: golden prompts and the expect cases of the front matter. No model is asked.

    Without a task, all of your own tasks are tested: those below ./tasks and --catalog.

    \b
    promptsci test
    promptsci test task=citation-intent template=plain
    promptsci test --update
    """
    from promptsci.author import left_over
    from promptsci.report.authoring import show_outcomes
    from promptsci.spec import Catalog

    named = read_nouns(nouns, ("task", "template"))
    found = Catalog.standard(*catalog)
    tasks = [found.task(named["task"])] if "task" in named else _own_tasks(found)
    outcomes = [outcome for task in tasks for outcome in _tested(found, task, named.get("template"), update)]
    if "template" not in named:
        outcomes += left_over(found, tasks, update=update)
    if as_json:
        counts = Counter(outcome.state for outcome in outcomes)
        print_json({"counts": dict(counts), "outcomes": [outcome.to_json() for outcome in outcomes]})
    else:
        show_outcomes([outcome.to_json() for outcome in outcomes])
    if not all(outcome.is_good for outcome in outcomes):
        sys.exit(1)


def _own_tasks(catalog: Catalog) -> list[Task]:
    """The tasks below the user's own folders; the last of the roots is what is shipped."""
    own = type(catalog)(catalog.roots[:-1])
    names = own.task_names()
    if not names:
        fix = "Write task=NAME to test a shipped one, or start your own: promptsci new task=NAME --from FILE."
        raise SpecError("there are no tasks of your own here", where=str(Path.cwd()), fix=fix)
    return [catalog.task(name) for name in names]


def _tested(catalog: Catalog, task: Task, wording: str | None, update: bool) -> list[Outcome]:
    from promptsci.author import outcomes_of

    wordings: list[str] = [wording] if wording and wording != "all" else list(catalog.wordings(task))
    if not wordings:
        raise SpecError(f"task {task.name} has no templates", fix=f"Write templates/{task.name}/plain.jinja.")
    return [outcome for each in wordings for outcome in outcomes_of(task, catalog.template(each, task), update=update)]
