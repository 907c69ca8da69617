"""``promptsci merge``: write an adapter and its base as one plain model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, common_options, nouns_argument, print_json, read_nouns
from promptsci.cli.prompt_options import trust_option

NOUNS = ("adapter", "model", "task", "template", "data", "split")


@click.command("merge", short_help="Write an adapter and its base as one plain model.")
@nouns_argument(*NOUNS, metavar="adapter=RUN_OR_FOLDER [model=BASE] [task=NAME ...]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write. [default: merged, beside the adapter]")
@click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16", "float16"]), default="float32", show_default=True,
    help="Precision of the merged weights.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=32, show_default=True, help="Rows to compare.")
@trust_option
@catalog_option
@common_options
def command(**options: Any) -> None:
    r"""Write an adapter and its base as one plain model, and check that it scores as the adapter does.

    The folder is read back from disk and compared on rows of the task that the adapter was trained on. LoRA, DoRA,
    rsLoRA and IA3 can be merged; a prefix and a soft prompt change no weight.

    \b
    promptsci merge adapter=lora-1a2b3c4d
    promptsci merge adapter=runs/citation-intent/tune_lora_.../adapter --out ./my-model --dtype bfloat16
    """
    from promptsci.cli.progress import byte_progress
    from promptsci.pipeline.merge import MergeSettings, merge_adapter, prepare_merge
    from promptsci.report.tuning import show_merged
    from promptsci.runs import runs_root
    from promptsci.spec import Catalog
    from promptsci.tune.folder import MERGED, find_adapter

    nouns = read_nouns(options["nouns"], NOUNS, required=["adapter"])
    adapter = find_adapter(nouns.pop("adapter"), runs_root(options["runs"]))
    out = options["out"] or adapter.resolve().with_name(MERGED)
    kept: dict[str, Any] = {name: options[name] for name in ("dtype", "limit", "trust_remote_code")}
    settings = MergeSettings(adapter, out, **{**kept, **nouns})
    with byte_progress() as progress:
        prepared = prepare_merge(settings, Catalog.standard(*options["catalog"]), progress)
    result = merge_adapter(prepared)
    if options["as_json"]:
        print_json(result)
    else:
        show_merged(result)
