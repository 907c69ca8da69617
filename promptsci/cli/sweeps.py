"""``promptsci tune --sweep N``: search the ranges of a recipe on validation, and write what was best as a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from promptsci.cli.arguments import given_beside, print_json
from promptsci.errors import PromptsciError, raise_all

CLOSING = ("limit", "dry_run", "log_to")
"""Options that mean nothing where no run closes."""


def tune_sweep(settings: Any, options: Mapping[str, Any]) -> None:
    """Searches, and prints what was tried and what came of it.

    Raises:
        PromptsciError: something is wrong with what is asked.
    """
    from promptsci.cli.progress import tune_progress
    from promptsci.pipeline import LMs, load_transformers
    from promptsci.pipeline.stage import Stage
    from promptsci.pipeline.sweep import sweep
    from promptsci.report.tuning import show_sweep, trial_line
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog
    from promptsci.tune.sweep import check_installed

    known = [name for name in options if name not in CLOSING]
    raise_all([PromptsciError(f"--sweep does not know {one}", fix="Leave it out.") for one in given_beside(known)])
    check_installed()
    stage = Stage(
        runs_root(options["runs"]),
        LMs(load_transformers),
        fresh=options["fresh"],
        watch_training=lambda: tune_progress(f"sweep {settings.run.task} {settings.method}"),
    )
    result = sweep(
        settings,
        options["sweep"],
        Catalog.standard(*options["catalog"]),
        stage,
        lambda trial, n: click.echo(trial_line(trial, n), err=True),
    )
    if options["as_json"]:
        print_json(result)
    else:
        show_sweep(result)
