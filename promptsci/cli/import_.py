"""``promptsci import``: prompts of other tools become tasks and wordings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptsci.cli.arguments import print_json, read_nouns, result_options
from promptsci.errors import PromptsciError

if TYPE_CHECKING:
    from promptsci.author.importers import Imported, Known

WHAT = "Write promptsource:DATASET[/TEMPLATE], or lm-eval FILE.yaml."


@click.command("import", short_help="Bring prompts over from promptsource or lm-evaluation-harness.")
@click.argument("words", nargs=-1, metavar="promptsource:DATASET[/TEMPLATE] | lm-eval FILE.yaml [data=PATH]")
@click.option("--package", type=click.Path(path_type=Path), help="promptsource's folder or .tar.gz.")
@click.option("--labels", help="Values of the label, such as entails,neutral; names where the data have 0, 1, 2.")
@click.option("--name", help="Name of the task. [default: the data set's]")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@result_options
def command(**options: Any) -> None:
    r"""Bring prompts over: a task below ./tasks and wordings below ./templates. No code of theirs is run.

    With data=PATH the rows at hand tell the labels, and answers that have to be computed are written out.

    \b
    promptsci import promptsource:scicite --package promptsource-0.2.3.tar.gz --labels method,background,result
    promptsci import promptsource:scitail/tsv_format data=./scitail --package promptsource-0.2.3.tar.gz
    promptsci import lm-eval ./my-task.yaml data=./my-rows
    """
    from promptsci.author.files import write_new
    from promptsci.report.authoring import show_written

    words = list(options["words"])
    data = read_nouns([word for word in words if word.startswith("data=")], ["data"]).get("data")
    imported = _imported([word for word in words if not word.startswith("data=")], data, options)
    if not imported.wordings:
        raise PromptsciError("nothing could be carried over:\n" + "\n".join(imported.notes))
    write_new(imported.files, force=options["force"])
    task, _, wording = imported.wordings[0].rpartition("/")
    follow = [f"promptsci templates task={task}", f"promptsci run task={task} template={wording}"]
    if options["as_json"]:
        files = [str(file) for file in imported.files]
        print_json({"wordings": imported.wordings, "files": files, "notes": imported.notes, "next": follow})
    else:
        show_written(list(imported.files), follow, imported.notes)


def _imported(words: list[str], data: str | None, options: dict[str, Any]) -> Imported:
    from promptsci.author.importers import import_drafts, read_lm_eval, read_promptsource

    if len(words) == 1 and words[0].startswith("promptsource:"):
        name = words[0].partition(":")[2]
        drafts, lost = read_promptsource(name, options["package"])
        dataset = drafts[0].where.rpartition(" ")[2] if drafts else name
        path, _, config = dataset.partition("/")
        imported = import_drafts(drafts, _known(dataset, {"path": path, "config": config or None}, data, options))
        imported.notes[:0] = [*lost, "texts longer than 2,048 characters are cut in promptsource, and never here"]
        return imported
    if len(words) == 2 and words[0] == "lm-eval":
        draft, settings, lost = read_lm_eval(Path(words[1]))
        splits = {ours: settings.get(f"{theirs}_split") for ours, theirs in _SPLITS.items()}
        source = {
            "path": settings.get("dataset_path"),
            "config": settings.get("dataset_name"),
            "splits": {ours: theirs for ours, theirs in splits.items() if theirs},
        }
        imported = import_drafts([draft], _known(draft.name, source, data, options))
        imported.notes[:0] = lost
        return imported
    what = f"'{' '.join(words)}' cannot be imported" if words else "nothing is named to be imported"
    raise PromptsciError(what, fix=WHAT)


_SPLITS = {"train": "training", "validation": "validation", "test": "test"}


def _known(name: str, source: dict[str, Any], data: str | None, options: dict[str, Any]) -> Known:
    from promptsci.author import read_table
    from promptsci.author.importers import Known
    from promptsci.author.parts import place

    task = options["name"] or re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
    table = read_table(Path(data).expanduser()) if data else None
    given = {key: value for key, value in source.items() if value}
    if table is not None:
        folder = Path("tasks") / task
        splits = table.files if table.is_split else dict.fromkeys(["test"], table.origin)
        given = {"files": {split: place(path, folder) for split, path in splits.items()}}
    labels = tuple(label.strip() for label in (options["labels"] or "").split(",") if label.strip())
    return Known(task, f"{name}, as imported", given, table, labels)
