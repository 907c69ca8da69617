"""``promptsci variance``: where the spread of scores comes from."""

from __future__ import annotations

from typing import Any

import click

from promptsci.cli.arguments import common_options, nouns_argument, print_json
from promptsci.cli.compare import NOUNS


@click.command("variance", short_help="Where the spread of scores comes from.")
@nouns_argument(*NOUNS, metavar="[task=NAME] [split=NAME] [model=NAME] [method=NAME] ... [RUN ...]")
@click.option("--metric", help="The metric. [default: the task's first]")
@click.option("--rule", help="Judge all runs by one decision rule. [default: each run's own]")
@click.option("--on-shared", is_flag=True, help="Take runs over different rows on the rows that all have.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@common_options
def command(nouns: tuple[str, ...], **options: Any) -> None:
    r"""Where the spread of scores comes from: wording, seed or test rows, and which runs to add. No model is loaded.

    \b
    promptsci run task=citation-intent template=all --shots 8 --seeds 0,1,2
    promptsci variance task=citation-intent
    """
    from promptsci.cli.compare import chosen_runs
    from promptsci.compare import read_candidate
    from promptsci.compare.variance import variance

    folders, notes = chosen_runs(nouns, options["runs"])
    candidates = [read_candidate(folder, options["rule"]) for folder in folders]
    spread = variance(candidates, metric=options["metric"], on_shared=options["on_shared"], seed=options["seed"])
    spread["notes"] = [*notes, *spread["notes"]]
    if options["as_json"]:
        print_json(spread)
    else:
        from promptsci.report.variance import show_variance

        show_variance(spread)
