"""``promptsci show``: the prompts as the model reads them, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options
from promptsci.cli.prompt_options import format_option, seed_option, shot_options

if TYPE_CHECKING:
    from promptsci.author.show import Shown
    from promptsci.lm import Reader

NOUNS = ("task", "template", "model", "data", "split")


@click.command("show", short_help="Show the prompts as the model reads them, and what they cost.")
@nouns_argument(*NOUNS, metavar="task=NAME [template=WORDING] [model=NAME] [data=WHERE] [split=NAME]")
@click.option("-n", "n", type=click.IntRange(1), default=1, show_default=True, help="How many rows to show.")
@click.option("--row", metavar="ID", help="Show the row of this id.")
@shot_options
@seed_option
@format_option
@click.option("--ids", is_flag=True, help="Write each token's id behind it.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write one self-contained page.")
@catalog_option
@result_options
def command(**options: Any) -> None:
    r"""Show the prompts of a task as the model reads them: parts, tokens, lengths, cost. No weights are read.

    Without model= the tokenizer of a model that has been fetched is taken; without one at hand the text is shown
    alone. A model= may also be a folder with nothing but tokenizer.json in it.

    \b
    promptsci show task=citation-intent --shots 2
    promptsci show task=citation-intent template=terse model=smollm2-135m --shots 8 -n 3 --ids
    promptsci show task=citation-intent --shots 8 --html prompts.html
    """
    shown = _shown(read_nouns(options["nouns"], NOUNS, required=["task"]), options)
    if options["html"] is not None:
        _write(options["html"], shown)
    if options["as_json"]:
        print_json(shown.to_json())
    elif options["html"] is None:
        from promptsci.author.show.terminal import print_shown

        print_shown(shown, ids=options["ids"])


def _shown(nouns: dict[str, Any], options: dict[str, Any]) -> Shown:
    from promptsci.author.asked import Asked
    from promptsci.author.show import Shown, measure, pick_rows, preview, shown_prompts
    from promptsci.data.example import split_name
    from promptsci.spec import Catalog

    kept = {name: options[name] for name in ("shots", "choose", "pool", "seed")}
    model = nouns.pop("model", None)
    asked = Asked(**nouns, **kept, format=options["format_"])
    found = preview(asked, Catalog.standard(*options["catalog"]), lambda: _reader(model))
    task, template = found.assembler.task, found.assembler.template
    reader, encoder = found.reader, found.encoder
    heading = {
        "task": task.name,
        "template": template.name,
        "model": reader.name if reader is not None else None,
        "format": encoder.format if encoder is not None else "plain",
        "data": found.dataset.source,
        "split": split_name(asked.split),
        "rows": len(found.rows),
        "shots": asked.shots,
        "choose": asked.rule(task),
        "seed": asked.seed,
        "ids": options["ids"],
    }
    notes = () if reader is not None else (_NO_TOKENIZER,)
    prompts = shown_prompts(found, pick_rows(found, options["n"], options["row"]), asked.shots)
    return Shown(heading, prompts, lambda: measure(found, asked.shots, asked.seed), notes)


_NO_TOKENIZER = (
    "No tokenizer is at hand, so this is the plain text without tokens: promptsci models pull smollm2-135m, or name a "
    "folder with tokenizer.json as model=FOLDER."
)


def _reader(word: str | None) -> Reader | None:
    from promptsci.lm import find_reader, reader_at_hand

    return find_reader(word) if word is not None else reader_at_hand()


def _write(path: Path, shown: Shown) -> None:
    from promptsci.author.show.page import html_page
    from promptsci.errors import PromptsciError

    try:
        path.write_text(html_page(shown), encoding="utf-8")
    except OSError as error:
        what = f"the page cannot be written: {error.strerror or error}"
        raise PromptsciError(what, where=str(path), fix="Name a file in a folder that you may write to.") from error
    click.echo(f"Written to {path}", err=True)
