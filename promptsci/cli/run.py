"""``promptsci run``: score a task with a language model."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns
from promptsci.errors import PromptsciError

NOUNS = ("task", "template", "model", "data", "split")


@click.command("run", short_help="Score a task with a language model.")
@nouns_argument(*NOUNS, metavar="task=NAME [template=WORDING] [model=NAME] [data=WHERE] [split=NAME]")
@click.option("--shots", type=click.IntRange(0), default=0, show_default=True, help="Demonstrations before each query.")
@click.option("--choose", help="How shots are chosen: random, balanced, similar, fixed, first. [default: the task's]")
@click.option("--pool", help="Split that shots come from. [default: the task's, usually train]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of shots and of --limit.")
@click.option("--seeds", help="Several seeds, such as 0,1,2: one run each, with mean and spread.")
@click.option("--limit", type=click.IntRange(1), help="Score a stratified sample of so many rows.")
@click.option(
    "--format", "format_", type=click.Choice(["plain", "chat", "chat-one-turn"]), help="[default: the model's]"
)
@click.option(
    "--dtype", type=click.Choice(["auto", "float32", "bfloat16", "float16"]), default="auto", show_default=True
)
@click.option("--constrain", is_flag=True, help="Let answers be nothing but JSON that follows the task's schema.")
@click.option("--rule", help="Decision rule of the headline: sum, mean, pmi, contextual, batch.")
@click.option(
    "--verify-sharing",
    "verify",
    type=click.IntRange(0),
    default=4,
    show_default=True,
    help="Rows that are scored again one by one.",
)
@click.option("--no-sharing", is_flag=True, help="Score every pair alone, the slow and plain way.")
@click.option("--pack-tokens", type=click.IntRange(16), help="Tokens in one pass. [default: what the device likes]")
@click.option("--trust-remote-code", is_flag=True, help="Let Python code in the model's folder run.")
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what an earlier call has stored.")
@common_options
def command(**options: Any) -> None:
    r"""Score a task with a language model, zero-shot or with a few examples.

    \b
    promptsci run task=citation-intent --shots 8
    promptsci run task=citation-intent template=all data=../my-folder --shots 8 --choose similar
    promptsci run task=citation-intent --shots 8 --seeds 0,1,2
    """
    nouns = read_nouns(options["nouns"], NOUNS, required=["task"])
    runs = _run_all(nouns, options)
    if options["as_json"]:
        print_json(runs[0] if len(runs) == 1 else {"runs": runs, "summary": _summary(runs)})
    else:
        _print(runs)


def _run_all(nouns: dict[str, Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    """One result for each wording and seed, all checked before the first starts, on one loaded model."""
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline import LMs, Settings, folder_of, load_transformers, prepare, run
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog

    catalog = Catalog.standard(*options["catalog"])
    kept = (
        "shots",
        "choose",
        "pool",
        "limit",
        "dtype",
        "rule",
        "verify",
        "pack_tokens",
        "trust_remote_code",
        "constrain",
    )
    first = Settings(
        **nouns,
        **{name: options[name] for name in kept},
        seed=options["seed"],
        format=options["format_"],
        sharing=not options["no_sharing"],
    )
    asked = [
        dataclasses.replace(first, template=wording, seed=seed)
        for wording in _wordings(catalog, first)
        for seed in _seeds(options["seeds"], first.seed)
    ]
    with byte_progress() as progress:
        prepared = [prepare(settings, catalog, progress) for settings in asked]
    _show_notice(prepared[0].model.notice, prepared[0].model.name)
    lms, root, results = LMs(load_transformers), runs_root(options["runs"]), []
    for number, one in enumerate(prepared, start=1):
        title = f"{one.task.name} {one.method}" + (f" ({number}/{len(prepared)})" if len(prepared) > 1 else "")
        with row_progress(title) as watcher:
            results.append(run(one, folder_of(one, root), lms, fresh=options["fresh"], watcher=watcher))
    return results


def _wordings(catalog: Any, settings: Any) -> list[str | None]:
    if settings.template != "all":
        return [settings.template]
    return list(catalog.wordings(catalog.task(settings.task))) or [None]


def _seeds(text: str | None, seed: int) -> list[int]:
    if text is None:
        return [seed]
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise PromptsciError(f"--seeds '{text}' is not a list of numbers", fix="Write --seeds 0,1,2.") from error
    return list(dict.fromkeys(seeds))


def _show_notice(notice: str | None, name: str) -> None:
    if notice:
        click.echo(f"{name}: {notice}", err=True)


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    from promptsci.report import spread

    return spread(runs)


def _print(runs: list[dict[str, Any]]) -> None:
    from promptsci.report import show_result, show_spread

    if len(runs) == 1:
        show_result(runs[0])
    else:
        show_spread(runs)
