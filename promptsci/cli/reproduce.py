"""``promptsci reproduce``: run a stored run again and compare every prediction."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from promptsci.cli.arguments import catalog_option, common_options, print_json


@click.command("reproduce", short_help="Run a stored run again and compare every prediction.")
@click.argument("run_name", metavar="RUN")
@catalog_option
@common_options
def command(run_name: str, catalog: tuple[Path, ...], runs: Path | None, as_json: bool) -> None:
    r"""Run a stored run again, in a temporary folder, and compare every prediction.

    RUN is its folder, or a name that fits one run only: see promptsci runs. Exit code 1 when a decision changed.

    \b
    promptsci reproduce fe64154b
    promptsci reproduce runs/citation-intent/8-shot_plain_smollm2-135m_balanced_test_seed0_fe64154b
    """
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline import LMs, load_transformers, reproduce
    from promptsci.report import show_reproduction
    from promptsci.runs import find_run, runs_root
    from promptsci.spec import Catalog

    folder = find_run(run_name, runs_root(runs))
    with byte_progress() as progress, row_progress(folder.path.name) as watcher:
        outcome = reproduce(
            folder, LMs(load_transformers), Catalog.standard(*catalog), progress=progress, watcher=watcher
        )
    if as_json:
        print_json(outcome.to_json())
    else:
        show_reproduction(outcome.to_json())
    if not outcome.same_decisions:
        sys.exit(1)
