"""``promptsci tasks``: list the tasks, or show one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import NamedGroup, catalog_option, complete_task, print_json, read_nouns, result_options
from promptsci.errors import PromptsciError, SpecError, raise_all


@click.group("tasks", cls=NamedGroup, invoke_without_command=True, short_help="List the tasks, or show one.")
@catalog_option
@result_options
@click.pass_context
def command(ctx: click.Context, catalog: tuple[Path, ...], as_json: bool) -> None:
    r"""List the tasks: your own in ./tasks, then the shipped ones.

    \b
    promptsci tasks
    promptsci tasks show citation-intent
    """
    if ctx.invoked_subcommand is None:
        _list(catalog, as_json)


def _list(roots: tuple[Path, ...], as_json: bool) -> None:
    from promptsci.report.tasks import show_tasks, task_entry
    from promptsci.spec import Catalog

    catalog = Catalog.standard(*roots)
    entries: list[dict[str, Any]] = []
    problems: list[PromptsciError] = []
    for name in catalog.task_names():
        try:
            entries.append(task_entry(name, catalog.task(name)))
        except PromptsciError as error:
            problems.append(error)
    if as_json:
        print_json({"tasks": entries, "problems": [problem.text() for problem in problems]})
    else:
        show_tasks(entries)
    raise_all(problems)


@command.command("show", short_help="Show one task.")
@click.argument("name", metavar="NAME", shell_complete=complete_task)
@catalog_option
@result_options
def show(name: str, catalog: tuple[Path, ...], as_json: bool) -> None:
    r"""Show a task's card: fields, labels, data, metrics, shots, wordings, paper.

    \b
    promptsci tasks show citation-intent
    """
    from promptsci.report.tasks import show_card, task_card
    from promptsci.spec import Catalog

    found = Catalog.standard(*catalog)
    word = read_nouns([name], ["task"])["task"] if "=" in name else name
    if not word:
        raise SpecError("the task has no name")
    task = found.task(word)
    card = task_card(task, found.wordings(task))
    if as_json:
        print_json(card)
    else:
        show_card(card)
