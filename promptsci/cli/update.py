"""``promptsci update``: tune on new rows, and use what came of it unless it does harm."""

from __future__ import annotations

from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns


@click.command("update", short_help="Tune on new rows, and use what came of it unless it does harm.")
@click.argument("run_name", metavar="RUN")
@nouns_argument("data", metavar="data=NEW_ROWS [lr=1e-4 replay=0.5 ...]")
@click.option(
    "--margin", type=click.FloatRange(0), default=0.0, show_default=True,
    help="How much of the metric may be lost; 0.01 is one point.",
)  # fmt: skip
@click.option(
    "--alpha", type=click.FloatRange(0.0001, 0.5), default=0.05, show_default=True, help="Level of the test for harm."
)
@catalog_option
@click.option("--fresh", is_flag=True, help="Train again what an earlier call has stored.")
@common_options
def command(**options: Any) -> None:
    r"""Tune the weights in use on new rows and a share of the old ones; use the new weights unless they do harm.

    RUN is a tuning or a run with an adapter. Old and new weights answer the same test split; harm is shown when the
    upper end of the one-sided paired interval of the change lies below minus the margin. What is in use stands in
    current.json beside RUN's adapter, and is adapter=RUN@current for every verb.

    \b
    promptsci update lora-1a2b3c4d data=new.jsonl
    promptsci update lora-1a2b3c4d data=new.jsonl replay=1 --margin 0.01
    """
    from promptsci.cli.progress import byte_progress, row_progress, tune_progress
    from promptsci.pipeline import LMs, load_transformers
    from promptsci.pipeline.stage import Stage
    from promptsci.pipeline.update import UpdateSettings, prepare_update, update
    from promptsci.report.update import show_update
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog
    from promptsci.tune.folder import find_adapter
    from promptsci.tune.recipe import value_names

    nouns = read_nouns(options["nouns"], ["data", *value_names()], required=["data"])
    root = runs_root(options["runs"])
    settings = UpdateSettings(
        find_adapter(options["run_name"], root), nouns.pop("data"), nouns, options["margin"], options["alpha"]
    )
    with byte_progress() as progress:
        prepared = prepare_update(settings, Catalog.standard(*options["catalog"]), progress)
    stage = Stage(
        root,
        LMs(load_transformers),
        fresh=options["fresh"],
        watch_training=lambda: tune_progress(f"{prepared.tuning.title} update"),
        watch_run=lambda one: row_progress(f"{one.task.name} {one.method}"),
    )
    result = update(prepared, stage)
    if options["as_json"]:
        print_json(result)
    else:
        show_update(result)
