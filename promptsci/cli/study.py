"""``promptsci study``: make the runs that are missing, compare all, and say what to do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns, read_seeds
from promptsci.cli.prompt_options import dtype_option, format_option
from promptsci.errors import PromptsciError

NOUNS = ("task", "template", "model", "data", "split", "methods")
UNITS = {"s": 1, "m": 60, "h": 3600}


@click.command("study", short_help="Run several methods on one task, compare them, and say what to do.")
@nouns_argument(*NOUNS, metavar="task=NAME methods=NAME,NAME,... [model=NAME ...] [lr=2e-4 ...]")
@click.option("--seeds", default="0", show_default=True, help="Seeds of the methods that draw, such as 0,1,2.")
@click.option("--budget", help="Leave out what is not expected to end in time, such as 30m, 2h.")
@click.option("--train-rows", type=click.IntRange(1), help="Learn from, and show, a stratified sample of so many rows.")
@click.option("--limit", type=click.IntRange(1), help="Score a stratified sample of so many rows.")
@format_option
@dtype_option()
@click.option("--dry-run", is_flag=True, help="Print the plan with the time it takes, and stop.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page: tables, figures, every row.")
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what earlier calls have stored.")
@common_options
def command(**options: Any) -> None:
    r"""Run several methods on one task, compare them on the same rows, and say what to do.

    Finished runs are used again, interrupted ones go on. Methods: majority, tfidf, head, zero-shot, 8-shot (any k),
    8-shot-similar, lora, prefix, full and the other methods of tune.

    \b
    promptsci study task=citation-intent methods=majority,tfidf,zero-shot,8-shot,lora --dry-run
    promptsci study task=citation-intent methods=zero-shot,8-shot,8-shot-similar --seeds 0,1,2 --budget 30m
    """
    from promptsci.spec import Catalog
    from promptsci.study import carry_out, conclude, plan, works

    asked, seconds = read_asked(options), _budget(options["budget"])
    means, speed = means_of(options, asked.settings.task)
    found = works(asked, Catalog.standard(*options["catalog"]))
    planned = plan(found, means.root, speed, fresh=options["fresh"])
    _say_plan(planned.to_json(), options)
    if options["dry_run"]:
        return
    study = conclude(carry_out(planned, means, budget_s=seconds, tell=tell))
    if options["html"] and study.comparison:
        _write_page(options["html"], study)
    if options["as_json"]:
        print_json(study.to_json())
    else:
        _show(study.to_json())
    if study.failed:
        sys.exit(1)


def read_asked(options: Mapping[str, Any]) -> Any:
    """What the words and options of a study ask for.

    Raises:
        PromptsciError: a noun, a value of a recipe or a seed is not known.
    """
    from promptsci.pipeline import Settings
    from promptsci.study import Asked, known_methods
    from promptsci.tune import value_names

    given = read_nouns(options["nouns"], [*NOUNS, *value_names()], required=["task"])
    methods = tuple(name.strip() for name in given.pop("methods", "").split(",") if name.strip())
    if not methods:
        fix = f"Write methods=NAME,NAME, such as methods={','.join(known_methods()[:3])},lora."
        raise PromptsciError("a study needs methods", fix=fix)
    nouns: dict[str, Any] = {name: value for name, value in given.items() if name in NOUNS}
    values = {name: value for name, value in given.items() if name not in NOUNS}
    seeds = read_seeds(options["seeds"])
    settings = Settings(
        **nouns, seed=seeds[0], limit=options["limit"], format=options["format_"], dtype=options["dtype"]
    )
    return Asked(settings, methods, seeds, values, options["train_rows"])


def means_of(options: Mapping[str, Any], task: str) -> tuple[Any, Any]:
    """With what a study works, and how fast this machine is."""
    from promptsci.cli.progress import row_progress, tune_progress
    from promptsci.pipeline import LMs, load_transformers
    from promptsci.runs import list_runs, runs_root
    from promptsci.study import Means, Speed

    root = runs_root(options["runs"])
    means = Means(root, LMs(load_transformers), row_progress, tune_progress, options["fresh"])
    return means, Speed.of_runs(list_runs(root, Path(task).name))


def _budget(text: str | None) -> float | None:
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    try:
        return float(number) * UNITS[unit]
    except (KeyError, ValueError) as error:
        raise PromptsciError(f"--budget '{text}' is no time", fix="Write --budget 30m, 90s or 2h.") from error


def _say_plan(planned: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """The plan: the result of a dry run, else told on stderr before the work starts."""
    from promptsci.report.study import plan_lines

    if options["dry_run"] and options["as_json"]:
        print_json(planned)
    else:
        for line in plan_lines(planned):
            click.echo(line, err=not options["dry_run"])


def tell(outcome: Any) -> None:
    """Nothing; what became of a run that was made stands on stderr."""
    from promptsci.report.study import outcome_line

    if outcome.step.folder is None:
        click.echo(outcome_line(outcome.step.to_json(), outcome.folder, outcome.why), err=True)


def _write_page(path: Path, study: Any) -> None:
    from promptsci.compare import read_candidate
    from promptsci.report.page import write_page

    folders = {outcome.folder.path: outcome.folder for outcome in study.outcomes if outcome.folder}
    size = write_page(path, study.comparison, [read_candidate(folder) for folder in folders.values()], texts=True)
    click.echo(f"Wrote {path} ({size / 1e6:.1f} MB)", err=True)


def _show(study: Mapping[str, Any]) -> None:
    from promptsci.report.comparison_terminal import show_comparison
    from promptsci.report.study import show_advice

    if study["comparison"]:
        show_comparison(study["comparison"])
    show_advice(study)
