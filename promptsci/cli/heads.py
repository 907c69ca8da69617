"""``promptsci tune --head``: train a classifier head on an encoder or decoder, and score it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from promptsci.cli.arguments import given_beside, print_json, read_nouns
from promptsci.errors import PromptsciError, raise_all

NOUNS = ("task", "template", "model", "data", "split")
VALUES = ("lr", "head_lr", "epochs", "patience", "batch", "warmup", "weight_decay", "class_weights", "negatives")
OPTIONS = (
    "nouns",
    "methods",
    "frozen",
    "train_split",
    "train_rows",
    "seed",
    "limit",
    "catalog",
    "fresh",
    "runs",
    "as_json",
    "debug",
)


def tune_heads(options: Mapping[str, Any]) -> None:
    """Trains a linear layer on an encoder or decoder, and prints how it scores the test split, beside its bars.

    Raises:
        PromptsciError: something is wrong with what is asked.
    """
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline.tune_head import HeadSettings, beside_bars, prepare_head, tune_head
    from promptsci.report import show_result
    from promptsci.report.tuning import show_bars
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog

    words = read_nouns(options["nouns"], (*NOUNS, *VALUES), required=["task"])
    raise_all([PromptsciError(f"--head does not know {name}", fix="Leave it out.") for name in given_beside(OPTIONS)])
    settings = HeadSettings(
        **{noun: value for noun, value in words.items() if noun in NOUNS},  # type: ignore[arg-type]
        recipe={name: value for name, value in words.items() if name in VALUES},
        pool=options["train_split"],
        pool_rows=options["train_rows"],
        **{name: options[name] for name in ("seed", "limit", "frozen")},
    )
    with byte_progress() as progress:
        prepared = prepare_head(settings, Catalog.standard(*options["catalog"]), _say, progress)
    if prepared.model and prepared.model.notice:
        click.echo(f"{prepared.model.name}: {prepared.model.notice}", err=True)
    root, fresh = runs_root(options["runs"]), options["fresh"]
    with row_progress(f"{prepared.task.name} head") as watcher:
        result = tune_head(prepared, root, fresh=fresh, watcher=watcher)

    def watch(run: Any) -> Any:
        return row_progress(f"{run.task.name} {run.method}")

    result = beside_bars(prepared, result, root, fresh=fresh, watch=watch)
    if options["as_json"]:
        print_json(result)
    else:
        show_result(result)
        show_bars([*result["bars"], result])


def _say(line: str) -> None:
    if sys.stderr.isatty():
        click.echo(line, err=True)
