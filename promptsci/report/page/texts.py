"""The texts of rows, which predictions do not hold: read again from the data that run.json names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.data import Example, read_dataset
from promptsci.errors import PromptsciError
from promptsci.spec import Catalog

LONGEST = 20_000
"""Characters of a field that a page holds; a longer one is cut there and says so."""
PRIVATE = "Texts were left out on request (--no-text)."


@dataclass(frozen=True)
class Texts:
    """The texts of some rows.

    Args:
        fields: the names of the task's fields; none where there are no texts.
        columns: the text of every row, a list for each field.
        note: why texts are missing, or what of them is; empty where all stand.
    """

    fields: tuple[str, ...] = ()
    columns: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def read_texts(record: Mapping[str, Any], ids: Sequence[str]) -> Texts:
    """The texts of the rows with these ids, as the data stand today; none where they are not those that were scored.

    Args:
        record: run.json.
        ids: of the rows, in the order wanted.
    """
    try:
        settings, split = record["settings"], record["split"]
        catalog = Catalog(tuple(Path(root) for root in record["catalog"]))
        task = catalog.task(settings["task"])
        dataset = read_dataset(task, settings["data"], needed=[split])
        found = dataset.split(split)
    except PromptsciError as error:
        return Texts(note=f"Texts are missing because the data could not be read: {_first_line(error)}")
    except (KeyError, TypeError):
        return Texts(note="Texts are missing because run.json does not say where the data stand.")
    if found.sha256 != record["identity"]["data"].get(split):
        return Texts(note=f"Texts are missing because {found.origin} has changed since it was scored.")
    examples = {example.id: example for example in found.examples}
    missing = sum(key not in examples for key in ids)
    if missing:
        return Texts(note=f"Texts are missing because {found.origin} has no row for {missing} of the ids.")
    return _columns([examples[key] for key in ids])


def _first_line(error: PromptsciError) -> str:
    return next(iter(error.text().splitlines()), type(error).__name__)


def _columns(examples: Sequence[Example]) -> Texts:
    fields = tuple(dict.fromkeys(name for example in examples for name in example.fields))
    whole = [[_text(example.fields.get(name)) for example in examples] for name in fields]
    long = sum(len(text) > LONGEST for column in whole for text in column)
    note = (
        f"{long} {'text is' if long == 1 else 'texts are'} longer than {LONGEST:,} characters and cut there."
        if long
        else ""
    )
    return Texts(fields, tuple(tuple(_cut(text) for text in column) for column in whole), note)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} […{len(text) - LONGEST:,} more characters]"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return json.dumps(value, ensure_ascii=False)
