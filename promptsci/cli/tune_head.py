"""``promptsci tune-head``: train a classifier head on an encoder or decoder, and score it."""

from __future__ import annotations

import sys
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, print_json, read_nouns

NOUNS = ("task", "template", "model", "data", "split")
VALUES = ("lr", "head_lr", "epochs", "patience", "batch", "warmup", "weight_decay", "class_weights")


@click.command("tune-head", short_help="Train a classifier head on an encoder or decoder, and score it.")
@click.argument("nouns", nargs=-1, metavar="task=NAME [model=NAME] [template=WORDING] [data=WHERE] [lr=... epochs=...]")
@click.option("--frozen", is_flag=True, help="Train the linear layer only.")
@click.option("--pool", help="Split that is learned from. [default: the task's, usually train]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of training and of --limit.")
@click.option("--limit", type=click.IntRange(1), help="Score a stratified sample of so many rows.")
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what an earlier call has trained.")
@common_options
def command(**options: Any) -> None:
    r"""Train a linear layer on an encoder or decoder, with its body or without, and score the test split.

    It reads what a prompt's input block says of an example. The epoch that is best on validation is kept.

    \b
    promptsci tune-head task=citation-intent
    promptsci tune-head task=citation-intent model=smollm2-135m lr=2e-5 epochs=5
    promptsci tune-head task=citation-intent --frozen
    """
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline.tune_head import HeadSettings, prepare_head, tune_head
    from promptsci.report import show_result
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog

    words = read_nouns(options["nouns"], (*NOUNS, *VALUES), required=["task"])
    settings = HeadSettings(
        **{noun: value for noun, value in words.items() if noun in NOUNS},  # type: ignore[arg-type]
        recipe={name: value for name, value in words.items() if name in VALUES},
        **{name: options[name] for name in ("pool", "seed", "limit", "frozen")},
    )
    with byte_progress() as progress:
        prepared = prepare_head(settings, Catalog.standard(*options["catalog"]), _say, progress)
    if prepared.model and prepared.model.notice:
        click.echo(f"{prepared.model.name}: {prepared.model.notice}", err=True)
    with row_progress(f"{prepared.task.name} head") as watcher:
        result = tune_head(prepared, runs_root(options["runs"]), fresh=options["fresh"], watcher=watcher)
    if options["as_json"]:
        print_json(result)
    else:
        show_result(result)


def _say(line: str) -> None:
    if sys.stderr.isatty():
        click.echo(line, err=True)
