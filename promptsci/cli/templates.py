"""``promptsci templates``: list the wordings of one task, or of all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options
from promptsci.errors import PromptsciError, raise_all

if TYPE_CHECKING:
    from promptsci.spec import Catalog, Task


@click.command("templates", short_help="List the wordings.")
@nouns_argument("task", metavar="[task=NAME]")
@catalog_option
@result_options
def command(nouns: tuple[str, ...], catalog: tuple[Path, ...], as_json: bool) -> None:
    r"""List the wordings of a task, or of all tasks.

    \b
    promptsci templates
    promptsci templates task=citation-intent
    """
    from promptsci.report.tasks import show_templates, template_entry
    from promptsci.spec import Catalog, read_template

    found = Catalog.standard(*catalog)
    name = read_nouns(nouns, ["task"]).get("task")
    entries: list[dict[str, Any]] = []
    problems: list[PromptsciError] = []
    for task in [found.task(name)] if name else _all_tasks(found, problems):
        for wording, path in found.wordings(task).items():
            try:
                entries.append(template_entry(task, wording, read_template(path)))
            except PromptsciError as error:
                problems.append(error)
    if as_json:
        print_json({"task": name, "templates": entries, "problems": [problem.text() for problem in problems]})
    else:
        show_templates(entries)
    raise_all(problems)


def _all_tasks(catalog: Catalog, problems: list[PromptsciError]) -> Iterator[Task]:
    """Every task that can be read; what is wrong with the others goes to problems."""
    for name in catalog.task_names():
        try:
            yield catalog.task(name)
        except PromptsciError as error:
            problems.append(error)
