"""``promptsci augment``: make train rows of train rows, and write them down for reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options, together
from promptsci.cli.prompt_options import dtype_option
from promptsci.errors import PromptsciError

NOUNS = ("task", "template", "model", "adapter", "data", "split")


augment_options = together(
    click.option("--augment", "ways", help="Make rows: edits,paraphrase,backtranslate."),
    click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="Made rows a row and way."),
    click.option("--through", help="Translation models THERE,BACK for backtranslate: Hub ids or folders."),
    click.option(
        "--doubt",
        type=click.FloatRange(0),
        default=2.0,
        show_default=True,
        help="Drop a made row whose label's log-odds fall by more nats.",
    ),
)
"""The options that say how rows are made, the same for ``augment`` and ``tune``."""


def read_augmentation(options: Mapping[str, Any]) -> Any:
    """How rows are to be made, or None where none are.

    Raises:
        PromptsciError: --through names no pair.
    """
    from promptsci.pipeline import AugmentSettings

    if options["ways"] is None:
        return None
    ways = tuple(dict.fromkeys(word.strip() for word in options["ways"].split(",") if word.strip()))
    if options["through"] is None:
        return AugmentSettings(ways, options["times"], None, options["doubt"], options["seed"])
    there, comma, back = options["through"].partition(",")
    if not (comma and there.strip() and back.strip()):
        raise PromptsciError(f"--through '{options['through']}' is no pair", fix="Write --through THERE,BACK.")
    return AugmentSettings(ways, options["times"], (there.strip(), back.strip()), options["doubt"], options["seed"])


@click.command("augment", short_help="Make train rows of train rows, and write them down.")
@nouns_argument(*NOUNS, metavar="task=NAME [template= model= adapter= data= split=train]")
@augment_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write the made rows to this JSONL file.")
@click.option("--limit", type=click.IntRange(1), help="Make rows of a stratified sample of so many rows.")
@click.option("--shots", type=click.IntRange(0), default=0, show_default=True, help="Shots of the scorer.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is drawn.")
@dtype_option()
@catalog_option
@result_options
def command(**options: Any) -> None:
    r"""Make train rows of train rows, each with its parent and how it was made. No text of another split is made.

    \b
    promptsci augment task=citation-intent --augment edits --times 2 --out made.jsonl
    promptsci augment task=citation-intent --augment edits,paraphrase --shots 4 --limit 50 --out made.jsonl
    """
    from promptsci.cli.progress import byte_progress, row_progress
    from promptsci.pipeline import LMs, Settings, augment, load_transformers, prepare, write_made
    from promptsci.pipeline.augment import check_augmentation
    from promptsci.spec import Catalog

    nouns: dict[str, Any] = {"split": "train", **read_nouns(options["nouns"], NOUNS, required=["task"])}
    asked = read_augmentation({**options, "ways": options["ways"] or ""})
    catalog = Catalog.standard(*options["catalog"])
    check_augmentation(asked, catalog.task(nouns["task"]))
    kept = ("limit", "shots", "seed", "dtype")
    settings = Settings(**nouns, **{name: options[name] for name in kept}, verify=0)
    with byte_progress() as progress:
        prepared = prepare(settings, catalog, progress)
    rows = [example for example in prepared.examples if example.gold is not None]
    with row_progress(f"{prepared.task.name} augment") as watcher:
        watcher.start(len(rows), 0)
        augmented = augment(prepared, rows, asked, LMs(load_transformers), lambda n: watcher.advance(n, 0))
    write_made(options["out"], prepared, augmented.made)
    found = {"task": prepared.task.name, **augmented.to_json(), "parents": len(rows), "out": str(options["out"])}
    if options["as_json"]:
        print_json(found)
    else:
        from promptsci.report.augmented import show_augmented

        show_augmented(found)
