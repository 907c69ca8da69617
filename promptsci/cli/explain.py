"""``promptsci explain``: which shots and which words made a row what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, print_json


@click.command("explain", short_help="Say which shots and which words made it so.")
@click.argument("run_name", metavar="RUN")
@click.argument("ids", nargs=-1, metavar="[ID ...]")
@click.option("--text", help="Explain a text of your own, asked as the run asks its rows.")
@click.option("--split", "over_split", is_flag=True, help="Map helpful and harmful shots over the run's labelled rows.")
@click.option("--label", help="Explain this label. [default: the decided one]")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Rows, where no ID is given.")
@click.option(
    "--budget", type=click.FloatRange(1.1), default=3.0, show_default=True,
    help="Tokens for a row, as a multiple of scoring the row and its shots once.",
)  # fmt: skip
@click.option("--gradients", is_flag=True, help="Add integrated gradients (needs promptsci[explain]).")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random words.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page.")
@catalog_option
@common_options
def command(**options: Any) -> None:
    r"""Say which shots and which words made a row what it is, and check the answer against random words.

    RUN is a run's folder, or a name that fits one run only. A number is how much the log-odds of the label fall, in
    nats, when the shot or the words are taken away.

    \b
    promptsci explain fe64154b test-12 test-40
    promptsci explain fe64154b --text "We use the parser of Collins (1997)."
    promptsci explain fe64154b --limit 40 --html why.html
    promptsci explain fe64154b --split --limit 200
    """
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline import LMs, load_transformers
    from promptsci.pipeline.explain import ExplainSettings, explain, open_run
    from promptsci.runs import find_run, runs_root
    from promptsci.spec import Catalog

    folder = find_run(options["run_name"], runs_root(options["runs"]))
    kept = ("ids", "text", "limit", "label", "budget", "gradients", "over_split", "seed")
    asked = ExplainSettings(**{name: options[name] for name in kept})
    with byte_progress() as progress:
        stored = open_run(folder, LMs(load_transformers), Catalog.standard(*options["catalog"]), progress)
    with row_progress(f"{stored.prepared.task.name} {stored.prepared.method}") as watcher:
        result = explain(stored, asked, watcher)
    if options["html"]:
        from promptsci.report.page.explanation import write_explanation

        size = write_explanation(options["html"], result)
        click.echo(f"Wrote {options['html']} ({size / 1e3:.0f} kB)", err=True)
    if options["as_json"]:
        print_json(result)
    else:
        from promptsci.report import show_explanation

        show_explanation(result)
