"""``promptsci calibrate``: temperature, abstention, label sets and prevalence from a validation run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import common_options, print_json


@click.command("calibrate", short_help="Learn from a validation run how far a run can be trusted.")
@click.argument("run_name", metavar="RUN")
@click.option("--with", "with_run", required=True, metavar="RUN", help="A run of the same method on validation rows.")
@click.option(
    "--error", type=float, default=0.1, show_default=True, help="How often a label set may miss the right label."
)
@click.option("--rule", help="Decision rule. [default: the run's own]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of bootstrap intervals.")
@common_options
def command(run_name: str, with_run: str, **options: Any) -> None:
    r"""Learn from a run on validation rows how far another run of the same method can be trusted. No model is loaded.

    Prints calibration before and after temperature scaling, how many rows can be kept at a chosen error, conformal
    label sets, and the prevalence of each label corrected for the classifier's errors.

    \b
    promptsci run task=citation-intent split=validation --shots 8
    promptsci runs task=citation-intent
    promptsci calibrate fe64154b --with 0a1b2c3d --error 0.1
    """
    from promptsci.compare.calibrate import calibrate
    from promptsci.runs import find_run, runs_root

    root: Path = runs_root(options["runs"])
    trusted = calibrate(
        find_run(run_name, root),
        find_run(with_run, root),
        error=options["error"],
        rule=options["rule"],
        seed=options["seed"],
    )
    if options["as_json"]:
        print_json(trusted)
    else:
        from promptsci.report.trust import show_trust

        show_trust(trusted)
