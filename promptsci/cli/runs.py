"""``promptsci runs``: list the runs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import common_options, nouns_argument, print_json, read_nouns
from promptsci.errors import PromptsciError, RunError, did_you_mean, raise_all


@click.command("runs", short_help="List the runs on this machine.")
@nouns_argument("task", metavar="[task=NAME]")
@common_options
def command(nouns: tuple[str, ...], runs: Path | None, as_json: bool) -> None:
    r"""List the runs on this machine, oldest first.

    \b
    promptsci runs
    promptsci runs task=citation-intent
    """
    from promptsci.runs import list_runs, runs_root

    root = runs_root(runs)
    task = read_nouns(nouns, ["task"]).get("task")
    _check_task(root, task)
    entries: list[dict[str, Any]] = []
    problems: list[PromptsciError] = []
    for folder in list_runs(root, task):
        _add(folder, entries, problems)
    entries.sort(key=lambda entry: str(entry["started"]))
    if as_json:
        print_json({"runs": entries, "problems": [problem.text() for problem in problems]})
    else:
        _print(entries, root)
    raise_all(problems)


def _add(folder: Any, entries: list[dict[str, Any]], problems: list[PromptsciError]) -> None:
    from promptsci.report import run_entry

    try:
        entries.append(run_entry(folder))
    except RunError as error:
        problems.append(error)


def _check_task(root: Path, task: str | None) -> None:
    if task is None or (root / task).is_dir():
        return
    tasks = [path.name for path in root.glob("*") if path.is_dir()]
    raise RunError(f"there are no runs of task '{task}' in {root}", fix=did_you_mean(task, tasks) or None)


def _print(entries: list[dict[str, Any]], root: Path) -> None:
    from promptsci.report import show_runs

    if entries:
        show_runs(entries)
    else:
        click.echo(f"No runs in {root}. Start one: promptsci run task=NAME (see: promptsci tasks)")
