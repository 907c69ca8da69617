"""``promptsci new``: start a task from a data file, or a wording from another."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options
from promptsci.errors import PromptsciError

if TYPE_CHECKING:
    from promptsci.author import Plan


@click.command("new", short_help="Start a task from a data file, or a wording from another.")
@nouns_argument("task", "template", metavar="task=NAME | template=TASK/WORDING")
@click.option("--from", "source", type=click.Path(path_type=Path), help="File or folder with labelled rows.")
@click.option("--kind", help="Kind of task, such as multilabel or generation. [default: guessed]")
@click.option("--label", help="Column of the labels of a classification. [default: guessed]")
@click.option("--fields", help="Columns that the model reads, such as title,abstract. [default: guessed]")
@click.option("--like", default="plain", show_default=True, help="The wording to copy.")
@click.option("--yes", is_flag=True, help="Take the guesses; nothing is asked.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@catalog_option
@result_options
def command(**options: Any) -> None:
    r"""Start a task from a file of labelled rows, with three wordings; or copy a wording to change it.

    Kind, answer, fields, words and metric are guessed from the rows, and the evidence is shown. At a terminal each
    guess is asked about. The files are written below ./tasks and ./templates.

    \b
    promptsci new task=my-task --from data.csv
    promptsci new task=my-task --from ./my-folder --label intent --fields title,abstract --yes
    promptsci new task=my-search --from ./corpus-queries-and-judgements --kind ranking --yes
    promptsci new template=my-task/mine --like plain
    """
    nouns = read_nouns(options["nouns"], ("task", "template"))
    if len(nouns) != 1:
        raise PromptsciError("give either task=NAME or template=TASK/WORDING", fix="See promptsci new --help.")
    if "task" in nouns:
        _new_task(nouns["task"], options)
    else:
        _new_wording(nouns["template"], options)


def _new_wording(name: str, options: dict[str, Any]) -> None:
    from promptsci.author import copy_wording
    from promptsci.report.authoring import show_written
    from promptsci.spec import Catalog

    catalog = Catalog.standard(*options["catalog"])
    path = copy_wording(name, options["like"], catalog, Path(), force=options["force"])
    task, _, wording = name.rpartition("/")
    if options["as_json"]:
        print_json({"template": name, "like": options["like"], "files": [str(path)]})
    else:
        show_written([path], [f"promptsci test task={task} template={wording} --update"])


def _new_task(name: str, options: dict[str, Any]) -> None:
    from promptsci.author import Said, plan_task, read_table, write_task

    if options["source"] is None:
        fix = f"Write promptsci new task={name} --from FILE, a file or folder of labelled rows."
        raise PromptsciError("--from is missing", fix=fix)
    fields = [field.strip() for field in options["fields"].split(",")] if options["fields"] else None
    table = read_table(options["source"].expanduser())
    said = Said(options["kind"], options["label"], fields)
    plan = plan_task(name, table, Path(), said)
    if not options["yes"]:
        if not sys.stdin.isatty():
            raise PromptsciError("there is no terminal to ask at", fix="Add --yes to take the guesses.")
        plan = _asked(plan, lambda label: plan_task(name, table, Path(), dataclasses.replace(said, label=label)))
    _report(plan, write_task(plan, Path(), force=options["force"]), options)


def _asked(plan: Plan, replan: Any) -> Plan:
    """The plan with what the person at the terminal says instead of the guesses."""
    from promptsci.report.authoring import show_guesses

    show_guesses(guesses(plan))
    if plan.answer.is_label:
        label = click.prompt("Column of the labels", default=plan.answer.column)
        if label != plan.answer.column:
            plan = replan(label)
            show_guesses(guesses(plan))
    title = click.prompt("The question, in one sentence", default=plan.title)
    words = {each: click.prompt(f"Words for {each}", default=words) for each, words in plan.words.items()}
    metrics = click.prompt("Metrics, the deciding one first", default=", ".join(plan.metrics))
    licence = click.prompt("Licence of the data", default=plan.licence)
    return dataclasses.replace(
        plan,
        title=title,
        answer=dataclasses.replace(plan.answer, words=words),
        licence=licence,
        metrics=[each.strip() for each in metrics.split(",")],
    )


def guesses(plan: Plan) -> list[tuple[str, str, str]]:
    """(part, value, evidence) of each guess, as a person reads them."""
    answer = plan.answer
    span = f"{answer.section['low']} to {answer.section['high']}" if answer.form == "number" else ""
    why = {**plan.why, "label": plan.why["answer"]}
    told = "label" if answer.is_label else "answer"
    values = {
        "kind": plan.kind,
        told: answer.column,
        "labels": ", ".join(plan.labels),
        "words": ", ".join(plan.words.values()),
        "range": span,
        "fields": ", ".join(plan.fields.values()),
        "metrics": ", ".join(plan.metrics),
        "splits": ", ".join(plan.splits),
    }
    return [(part, value, why[part]) for part, value in values.items() if value and part in why]


def _report(plan: Plan, files: list[Path], options: dict[str, Any]) -> None:
    from promptsci.report.authoring import show_guesses, show_written

    follow = [f"promptsci test task={plan.name} --update", f"promptsci run task={plan.name}"]
    if options["as_json"]:
        named = [{"part": part, "value": value, "why": why} for part, value, why in guesses(plan)]
        print_json({"task": plan.name, "guesses": named, "files": [str(file) for file in files], "next": follow})
        return
    if options["yes"]:
        show_guesses(guesses(plan))
    show_written(files, follow)
