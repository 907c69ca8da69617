"""``promptsci export``: write a task for another tool, with the same prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options
from promptsci.cli.prompt_options import seed_option, shot_options

NOUNS = ("task", "template", "data", "split")


@click.command("export", short_help="Write a task for lm-evaluation-harness.")
@nouns_argument(*NOUNS, metavar="task=NAME [template=WORDING] [data=WHERE] [split=NAME]")
@click.option("--to", "tool", type=click.Choice(["lm-eval"]), default="lm-eval", show_default=True, help="The tool.")
@shot_options
@seed_option
@click.option("--limit", type=click.IntRange(1), help="Export a stratified sample of so many rows.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write. [default: ./lm-eval/TASK]")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@catalog_option
@result_options
def command(**options: Any) -> None:
    r"""Write a task that lm-evaluation-harness runs, with the same prompts byte for byte.

    The YAML needs no code of promptsci. What cannot be carried over is said, item by item.

    \b
    promptsci export task=citation-intent --to lm-eval
    promptsci export task=citation-intent template=terse --to lm-eval --shots 8 --out ./exported
    """
    from promptsci.author.asked import Asked
    from promptsci.author.exporters import export_lm_eval
    from promptsci.author.files import write_new
    from promptsci.report.authoring import show_written
    from promptsci.spec import Catalog

    nouns = read_nouns(options["nouns"], NOUNS, required=["task"])
    kept: dict[str, Any] = {name: options[name] for name in ("shots", "choose", "pool", "seed", "limit")}
    export = export_lm_eval(Asked(**{**kept, **nouns}), Catalog.standard(*options["catalog"]))
    folder = options["out"] or Path("lm-eval") / export.name
    files = {folder / name: text for name, text in export.files.items()}
    write_new(files, force=options["force"])
    harness = f"lm_eval --model hf --model_args pretrained=MODEL --include_path . --tasks {export.name}"
    follow = [f"cd {folder}", harness]
    if options["as_json"]:
        said = {"task": export.name, "rows": export.n_rows, "files": [str(file) for file in files]}
        print_json({**said, "notes": list(export.notes), "next": follow})
    else:
        show_written(list(files), follow, export.notes)
