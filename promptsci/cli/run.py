"""``promptsci run``: score a task with a language model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns, read_seeds
from promptsci.cli.prompt_options import (
    dtype_option,
    format_option,
    rule_option,
    scoring_options,
    seed_option,
    shot_options,
    trust_option,
)
from promptsci.errors import PromptsciError

NOUNS = ("task", "template", "model", "adapter", "data", "split", "method")
KEPT = ("shots", "choose", "pool", "limit", "dtype", "rule", "verify", "pack_tokens", "trust_remote_code", "constrain",
        "thresholds")  # fmt: skip


@click.command("run", short_help="Score a task with a language model.")
@nouns_argument(*NOUNS, metavar="task=NAME [template= model= adapter= data= split= method=]")
@shot_options
@seed_option
@click.option("--seeds", help="Several seeds, such as 0,1,2: one run each, with mean and spread.")
@click.option("--limit", type=click.IntRange(1), help="Score a stratified sample of so many rows.")
@format_option
@dtype_option("nf4")
@click.option(
    "--shuffle-options",
    "orders",
    type=click.IntRange(1, 26),
    metavar="N",
    help="Also with the options of each row in N other orders, to see whether their place decides.",
)
@click.option("--thresholds", metavar="RUN", help="Answer each label from the probability that is best in another run.")
@rule_option
@scoring_options
@click.option("--perturb", help="Also score the same rows perturbed: typos,case,citations,order,wording.")
@trust_option
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what an earlier call has stored.")
@common_options
def command(**options: Any) -> None:
    r"""Score a task with a language model, zero-shot or with a few examples.

    method=majority, tfidf, dictionary (spans) and lead (summaries) need no model: they learn from the rows of --pool.

    \b
    promptsci run task=citation-intent --shots 8
    promptsci run task=citation-intent template=all data=../my-folder --shots 8 --choose similar
    promptsci run task=citation-intent --shots 8 --seeds 0,1,2
    promptsci run task=citation-intent adapter=runs/citation-intent/tune_lora_.../adapter
    promptsci run task=citation-intent method=tfidf
    promptsci run task=citation-intent --shots 8 --perturb typos,case,citations,order,wording
    """
    nouns = read_nouns(options["nouns"], NOUNS, required=["task"])
    kinds: list[str | None] = [None]
    if "method" in nouns:
        from promptsci.cli.classifiers import run_classifiers

        runs = run_classifiers(nouns, options, _seeds(options["seeds"], options["seed"]))
    else:
        kinds += _perturbations(options["perturb"])
        runs = _run_all(nouns, options, kinds)
    clean = runs[:: len(kinds)]
    robust = _robustness(runs) if len(kinds) > 1 else None
    found = _positions(clean, options) | ({"robustness": robust["robustness"]} if robust else {})
    if options["as_json"]:
        print_json(runs[0] if len(runs) == 1 else {"runs": runs, "summary": _summary(clean), **found})
    else:
        _print(clean, found, robust)


def _perturbations(words: str | None) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in words.split(",") if word.strip())) if words else []


def _robustness(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The comparison of clean and perturbed runs, as ``compare --json`` gives it."""
    from promptsci.compare import compare, read_candidate
    from promptsci.runs import RunFolder

    return compare([read_candidate(RunFolder(Path(run["run_dir"]))) for run in runs]).to_json()


def _run_all(nouns: dict[str, Any], options: dict[str, Any], kinds: Sequence[str | None]) -> list[dict[str, Any]]:
    """One result for each wording, adapter, seed and perturbation, all checked first, on one loaded model."""
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline import LMs, Settings, folder_of, load_transformers, prepare, run
    from promptsci.pipeline.perturb import perturbed_settings
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog

    catalog = Catalog.standard(*options["catalog"])
    first = Settings(
        **nouns,
        **{name: options[name] for name in KEPT},
        seed=options["seed"],
        format=options["format_"],
        sharing=not options["no_sharing"],
    )
    asked = [
        dataclasses.replace(first, template=wording, adapter=adapter, seed=seed, option_order=order)
        for wording in _wordings(catalog, first)
        for adapter in _adapters(first.adapter, options["runs"])
        for seed in _seeds(options["seeds"], first.seed)
        for order in range((options["orders"] or 0) + 1)
    ]
    if options["orders"] and len(asked) > options["orders"] + 1:
        what = "--shuffle-options asks one wording, adapter and seed in several orders"
        raise PromptsciError(what, fix="Name one of each.")
    asked = [perturbed_settings(one, kind, catalog) if kind else one for one in asked for kind in kinds]
    with byte_progress() as progress:
        prepared = [prepare(settings, catalog, progress) for settings in asked]
    _show_notice(prepared[0].model.notice, prepared[0].model.name)
    lms, root, results = LMs(load_transformers), runs_root(options["runs"]), []
    for number, one in enumerate(prepared, start=1):
        title = f"{one.task.name} {one.method} {one.settings.perturb or ''}".rstrip() + (
            f" ({number}/{len(prepared)})" if len(prepared) > 1 else ""
        )
        with row_progress(title) as watcher:
            results.append(run(one, folder_of(one, root), lms, fresh=options["fresh"], watcher=watcher))
    return results


def _wordings(catalog: Any, settings: Any) -> list[str | None]:
    if settings.template != "all":
        return [settings.template]
    return list(catalog.wordings(catalog.task(settings.task))) or [None]


def _adapters(words: str | None, runs: Any) -> list[str | None]:
    """The folder of each adapter that is named."""
    if words is None:
        return [None]
    from promptsci.runs import runs_root
    from promptsci.tune.folder import find_adapter

    return [str(find_adapter(word, runs_root(runs))) for word in words.split(",")]


def _seeds(text: str | None, seed: int) -> tuple[int, ...]:
    return (seed,) if text is None else read_seeds(text)


def _show_notice(notice: str | None, name: str) -> None:
    if notice:
        click.echo(f"{name}: {notice}", err=True)


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    from promptsci.report import spread

    return spread(runs)


def _positions(runs: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """How answers depend on the place of an option, where options were shuffled."""
    if not options["orders"]:
        return {}
    from promptsci.runs import RunFolder
    from promptsci.score import position_bias

    return {"positions": position_bias([list(RunFolder(Path(run["run_dir"])).rows()) for run in runs])}


def _print(runs: list[dict[str, Any]], found: dict[str, Any], robust: dict[str, Any] | None) -> None:
    from promptsci.report import show_positions, show_result, show_spread

    if len(runs) == 1:
        show_result(runs[0])
    else:
        show_spread(runs)
    if "positions" in found:
        show_positions(found["positions"])
    if robust:
        from promptsci.report.comparison_terminal import show_robustness

        show_robustness(robust)
