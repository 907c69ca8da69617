"""``promptsci curve``: how scores grow with labelled rows, and from which number on one method overtakes another."""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json
from promptsci.cli.prompt_options import dtype_option, format_option
from promptsci.cli.study import NOUNS, means_of, read_asked, tell

DEFAULT_SIZES = "8,32,128,512,all"


@click.command("curve", short_help="How scores grow with the number of labelled rows.")
@nouns_argument(*NOUNS, metavar="task=NAME methods=NAME,NAME,... [model=NAME ...] [lr=2e-4 ...]")
@click.option("--sizes", default=DEFAULT_SIZES, show_default=True, help="Labelled rows to learn from and to show.")
@click.option("--seeds", default="0", show_default=True, help="Seeds of the methods that draw, such as 0,1,2.")
@click.option("--limit", type=click.IntRange(1), help="Score a stratified sample of so many rows.")
@format_option
@dtype_option()
@click.option("--from", "start", metavar="ADAPTER", help="Also begin with an adapter of another task: what it saves.")
@click.option("--figure", type=click.Path(path_type=Path), help="Write the curves as a picture (SVG).")
@click.option("--html", type=click.Path(path_type=Path), help="Write the curves as one self-contained page.")
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what earlier calls have stored.")
@common_options
def command(**options: Any) -> None:
    r"""Learning curves: each method on growing, nested train sets, and where one overtakes another.

    \b
    promptsci curve task=citation-intent methods=tfidf,8-shot-similar,lora --sizes 16,60,all
    promptsci curve task=citation-intent methods=lora --from lora-1a2b3c4d --seeds 0,1,2
    """
    from promptsci.report.study import show_curve

    drawn, failed = _curve(options)
    _write(drawn.to_json(), options["figure"], options["html"])
    if options["as_json"]:
        print_json(drawn.to_json())
    else:
        show_curve(drawn.to_json())
    if failed:
        sys.exit(1)


def _write(curve: dict[str, Any], figure: Path | None, html: Path | None) -> None:
    """Nothing; the files that were asked for are there."""
    from promptsci.report.curves import curve_plot
    from promptsci.report.page import write_curve_page
    from promptsci.runs import write_atomically

    if figure:
        write_atomically(figure, curve_plot(curve).file())
        click.echo(f"Wrote {figure}", err=True)
    if html:
        size = write_curve_page(html, curve)
        click.echo(f"Wrote {html} ({size / 1e6:.1f} MB)", err=True)


def _curve(options: dict[str, Any]) -> tuple[Any, bool]:
    """The curves, and whether a run could not be made."""
    from promptsci.data import read_dataset
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog
    from promptsci.study import begun, carry_out, curve, plan, read_sizes, works
    from promptsci.tune.folder import find_adapter

    catalog = Catalog.standard(*options["catalog"])
    asked = read_asked({**options, "train_rows": None})
    if options["start"]:
        asked = replace(asked, start=str(find_adapter(options["start"], runs_root(options["runs"]))))
    sources = begun(asked)
    task = catalog.task(asked.settings.task)
    train = read_dataset(task, asked.settings.data, needed=["train"]).split("train")
    sizes = read_sizes(options["sizes"], sum(example.gold is not None for example in train.examples))
    means, speed = means_of(options, asked.settings.task)
    runs: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    notes, failed = [], False
    for size in sizes:
        found = works(replace(asked, train_rows=size), catalog)
        for outcome in carry_out(plan(found, means.root, speed, fresh=options["fresh"]), means, tell=tell):
            failed |= outcome.failed
            if outcome.folder:
                runs[outcome.step.work.method][size].append(outcome.folder)
            else:
                notes.append(f"{outcome.step.work.method} on {size} rows: {outcome.why}")
    return curve(runs, notes, sources), failed
