"""``promptsci tune``: train an adapter or a model on a task, and score what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns, together
from promptsci.cli.augment import augment_options, read_augmentation
from promptsci.cli.prompt_options import format_option, shot_options, trust_option
from promptsci.errors import PromptsciError

NOUNS = ("task", "template", "model", "data", "split")
METHODS = {
    "lora": "Low-rank adapters on all linear layers (the default).",
    "dora": "LoRA with magnitude and direction apart.",
    "rslora": "LoRA with its scale divided by the root of the rank.",
    "prefix": "Keys and values before every prompt, in every layer.",
    "prompt-tuning": "Embeddings before every prompt.",
    "ia3": "A factor for each key, value and feed-forward unit.",
    "full": "The model's own weights.",
    "head": "A linear layer on an encoder or decoder, and its body with it.",
}


_method_options = together(
    *(click.option(f"--{name}", "methods", flag_value=name, multiple=True, help=text) for name, text in METHODS.items())
)
"""A flag for each method."""


@click.command("tune", short_help="Train an adapter or a model on a task.")
@nouns_argument(*NOUNS, metavar="task=NAME[,NAME...] [model=NAME ...] [lr=2e-4 epochs=3 ...]")
@_method_options
@click.option("--train", "part", help="With --full: all, last-N or embeddings. [default: all]")
@click.option("--init", type=click.Choice(["noise", "shots"]), help="What a prefix begins as. [default: noise]")
@click.option("--from", "start", metavar="ADAPTER", help="Begin with an adapter that was tuned on another task.")
@click.option("--after", metavar="RUN", help="Go on from a tuning, whose tasks are earlier ones now, and look back.")
@click.option(
    "--keep", type=click.Choice(["replay", "ewc", "distill", "none"]),
    help="With --after: how earlier tasks are held on to. [default: replay]",
)  # fmt: skip
@click.option("--recipe", type=click.Path(), help="A recipe of your own, such as a sweep writes.")
@click.option("--sweep", type=click.IntRange(1), help="Search the recipe's ranges on validation, in so many trials.")
@click.option(
    "--adversarial", type=click.Choice(["fgm", "pgd", "freelb"]),
    help="Also learn from embeddings moved against the learner; see epsilon= and steps=.",
)  # fmt: skip
@click.option("--frozen", is_flag=True, help="With --head: train the linear layer only.")
@click.option("--train-rows", type=click.IntRange(1), help="Learn from a stratified sample of so many rows.")
@click.option("--train-split", default="train", show_default=True, help="Split that is learned from.")
@click.option("--validation-split", default="validation", show_default=True, help="Split that picks the best weights.")
@shot_options
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is drawn.")
@click.option("--limit", type=click.IntRange(1), help="Close with a run on a stratified sample of so many rows.")
@format_option
@click.option(
    "--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True,
    help="Precision of the frozen weights.",
)  # fmt: skip
@click.option("--4bit", "four_bit", is_flag=True, help="Frozen weights in four bits (NF4), on a CUDA GPU.")
@click.option("--rule", help="Decision rule of the main metric. [default: sum]")
@augment_options
@click.option("--log-to", multiple=True, help="Also tell a tracker: tensorboard, wandb, trackio, ...")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what memory it takes.")
@trust_option
@catalog_option
@click.option("--fresh", is_flag=True, help="Forget what an earlier call has stored.")
@common_options
def command(**options: Any) -> None:
    r"""Train an adapter or a model on a task, then score it and its base on the test split.

    Any value of the method's recipe may be given, such as lr=2e-4 epochs=3 rank=8 objective=lm class_weights=balanced.

    \b
    promptsci tune task=citation-intent --lora
    promptsci tune task=citation-intent --prefix --init shots
    promptsci tune task=citation-intent --full --train last-2 --dry-run
    promptsci tune task=citation-intent --head model=minilm
    promptsci tune task=citation-intent --lora --sweep 20
    promptsci tune task=citation-intent,csabstruct --lora
    promptsci tune task=csabstruct --after lora-1a2b3c4d --keep replay
    promptsci tune task=citation-intent --augment edits --times 2 --adversarial fgm epsilon=0.05
    """
    from promptsci.cli.progress import byte_progress
    from promptsci.pipeline.tuning import prepare_tune
    from promptsci.spec import Catalog
    from promptsci.tune.recipe import value_names

    if "head" in options["methods"]:
        from promptsci.cli.heads import tune_heads

        _one_method(options)
        tune_heads(options)
        return
    values = value_names()
    given = read_nouns(options["nouns"], [*NOUNS, *values], required=["task"])
    settings = _settings({k: v for k, v in given.items() if k in NOUNS}, _values(given, options), options)
    if options["sweep"]:
        from promptsci.cli.sweeps import tune_sweep

        tune_sweep(settings, options)
        return
    with byte_progress() as progress:
        prepared = prepare_tune(settings, Catalog.standard(*options["catalog"]), progress)
    notice = prepared.run.model.notice
    if notice:
        click.echo(f"{prepared.run.model.name}: {notice}", err=True)
    asked = read_augmentation(options)
    if asked is not None:
        prepared = _augmented(prepared, asked)
    if options["dry_run"]:
        _show_plan(prepared, options)
    else:
        _tune(prepared, options)


def _one_method(options: Mapping[str, Any]) -> str:
    """The method asked for; LoRA where none is.

    Raises:
        PromptsciError: several are.
    """
    methods = dict.fromkeys(options["methods"])
    if len(methods) > 1:
        names = " and ".join(f"--{name}" for name in methods)
        raise PromptsciError(f"{names} are given; a tuning has one method", fix="Give one of them.")
    return next(iter(methods), "lora")


def _values(given: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str]:
    """Values of the recipe, wherever they were written."""
    values = {name: text for name, text in given.items() if name not in NOUNS}
    written = {"train": options["part"], "init": options["init"], "adversarial": options["adversarial"]}
    written["keep"] = options["keep"]
    return values | {name: text for name, text in written.items() if text}


def _settings(nouns: Mapping[str, Any], values: Mapping[str, str], options: Mapping[str, Any]) -> Any:
    from promptsci.lm.four_bit import NF4
    from promptsci.pipeline import Settings
    from promptsci.pipeline.tuning import TuneSettings

    method: Any = _one_method(options)
    if options["recipe"] and not options["methods"]:
        from promptsci.tune.recipe import read_recipe_file

        method = read_recipe_file(Path(options["recipe"])).method or method
    if options["frozen"]:
        raise PromptsciError("--frozen says what of a head's body learns", fix="Use it with --head.")
    if options["four_bit"] and options["dtype"] != "auto":
        raise PromptsciError("--4bit and --dtype both say the precision of the weights", fix="Leave one of them out.")
    if "train" in values and method != "full":
        raise PromptsciError("--train says which of the model's own weights learn", fix="Use it with --full.")
    kept = ("shots", "choose", "pool", "seed", "limit", "dtype", "rule", "trust_remote_code")
    given = {name: options[name] for name in kept} | ({"dtype": NF4} if options["four_bit"] else {})
    run, *others = (Settings(**each, **given, format=options["format_"]) for each in each_task(nouns))
    return TuneSettings(
        run,
        method,
        values,
        train=options["train_split"],
        validation=options["validation_split"],
        train_rows=options["train_rows"],
        log_to=options["log_to"],
        recipe=options["recipe"],
        start=_start(options),
        also=tuple(others),
        after=options["after"] is not None,
    )


def each_task(nouns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The nouns of each task in ``task=A,B,C``: a template for all or one each, data for each.

    Raises:
        PromptsciError: a task is given twice, or there are not as many templates or data as tasks.
    """
    tasks = [task.strip() for task in nouns["task"].split(",")]
    if len(tasks) == 1:
        return [dict(nouns)]
    if len(set(tasks)) < len(tasks) or not all(tasks):
        raise PromptsciError(f"task={nouns['task']} names no or the same task twice", fix="Name each task once.")
    found = [{**nouns, "task": task} for task in tasks]
    for noun in ("template", "data"):
        given = nouns[noun].split(",") if noun in nouns else []
        if len(given) == 1 and noun == "template":
            given *= len(tasks)
        if given and len(given) != len(tasks):
            what = f"{noun}={nouns[noun]} names {len(given)} for {len(tasks)} tasks"
            raise PromptsciError(
                what, fix=f"Write one for each task, with commas: {noun}={','.join('ABC'[: len(tasks)])}."
            )
        for each, word in zip(found, given, strict=False):
            each[noun] = word
    return found


def _start(options: Mapping[str, Any]) -> str | None:
    """The folder of the adapter to begin with.

    Raises:
        PromptsciError: it is named by two options, or there is none of that name.
    """
    from promptsci.runs import runs_root
    from promptsci.tune.folder import find_adapter

    if options["start"] and options["after"]:
        what = "--from begins with weights alone, --after goes on from the tasks behind them"
        raise PromptsciError(what, fix="Give one of them.")
    word = options["after"] or options["start"]
    return word and str(find_adapter(word, runs_root(options["runs"])))


def _augmented(prepared: Any, asked: Any) -> Any:
    """The tuning with rows made of its train rows. Each process makes the same ones."""
    from promptsci.cli.progress import row_progress
    from promptsci.pipeline import LMs, augment, load_transformers
    from promptsci.pipeline.tuning import with_made

    with row_progress(f"{prepared.run.task.name} augment") as watcher:
        watcher.start(len(prepared.rows), 0)
        lms = LMs(load_transformers)
        made = augment(prepared.train, prepared.rows, asked, lms, lambda n: watcher.advance(n, 0))
    return with_made(prepared, made)


def _show_plan(prepared: Any, options: Mapping[str, Any]) -> None:
    from promptsci.pipeline.tune import plan
    from promptsci.report import show_tuning_plan

    planned = plan(prepared)
    if options["as_json"]:
        print_json(planned)
    else:
        show_tuning_plan(planned)


def _tune(prepared: Any, options: Mapping[str, Any]) -> None:
    from promptsci.cli.progress import row_progress, tune_progress
    from promptsci.pipeline import LMs, load_transformers
    from promptsci.pipeline.stage import Stage, is_first
    from promptsci.pipeline.tune import need, tune
    from promptsci.report import memory_line, show_tuning
    from promptsci.runs import runs_root

    root = runs_root(options["runs"])
    if is_first() and not prepared.folder(root).is_trained:
        click.echo(memory_line(need(prepared).to_json(), len(prepared.learned)), err=True)
    stage = Stage(
        root,
        LMs(load_transformers),
        fresh=options["fresh"],
        watch_training=lambda: tune_progress(f"{prepared.title} {prepared.recipe.method}"),
        watch_run=lambda one: row_progress(f"{one.task.name} {one.method}"),
    )
    result = tune(prepared, stage)
    if result is None:
        return
    if options["as_json"]:
        print_json(result)
    else:
        show_tuning(result)
