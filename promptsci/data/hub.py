"""Rows of a data set on the Hugging Face Hub, through ``datasets``; code from the Hub is never run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from promptsci.data.example import Split, split_name
from promptsci.data.findings import Findings
from promptsci.data.gold import gold_reader
from promptsci.data.rows import ID, to_examples
from promptsci.data.shape import shaped
from promptsci.errors import DataError, did_you_mean
from promptsci.spec import Source, Task
from promptsci.spec.shape import Shape

STANDARD = ("train", "validation", "test")


def load_hub(source: Source, revision: str | None) -> Mapping[str, Any]:
    """Split name -> ``datasets.Dataset``, named as the source's ``splits`` say or by their own names.

    Raises:
        DataError: offline, no such data set or revision, or a format that ``datasets`` refuses.
    """
    import datasets
    from datasets.exceptions import DatasetsError

    path = source.path or ""
    where = f"{path}@{revision}" if revision else path
    try:
        loaded = datasets.load_dataset(path, name=source.config, revision=revision)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        fix = "Check the name and the network, or download the data and give a file or folder as data=PATH."
        raise DataError(f"the Hub data set cannot be loaded: {first}", where=where, fix=fix) from error
    if not source.splits:
        return {split_name(name): rows for name, rows in loaded.items()}
    missing = [theirs for theirs in source.splits.values() if theirs not in loaded]
    if missing:
        fix = did_you_mean(missing[0], loaded)
        raise DataError(f"the Hub data set has no split '{missing[0]}'", where=where, fix=fix)
    return {split_name(ours): loaded[theirs] for ours, theirs in source.splits.items()}


def read_hub_split(rows: Any, task: Task, name: str, origin: str, shape: Shape) -> Split:
    """The Split in a ``datasets.Dataset``; numbers of a ClassLabel, alone or in a list, become its names (-1: none).

    Raises:
        DataError: one problem with the rows.
        Problems: several.
    """
    where = f"{origin}/{name}"
    findings = Findings(where)
    columns = gold_reader(task, findings).columns
    wanted = {*task.fields.values(), *columns, ID} & set(rows.column_names)
    if shape == Shape() and set(task.fields.values()) <= wanted:
        rows = rows.select_columns([column for column in rows.column_names if column in wanted])
    digest = hashlib.sha256()
    examples = to_examples(shaped(_named(rows, digest), shape, findings), task, name, findings)
    return Split(name, examples, digest.hexdigest(), where)


def _named(rows: Any, digest: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number from 1, row), the digest fed with each row as JSON."""
    names = {column: found for column, feature in rows.features.items() if (found := _class_names(feature))}
    for number, row in enumerate(rows, 1):
        for column, classes in names.items():
            row[column] = _name(row[column], classes)
        digest.update(json.dumps(row, ensure_ascii=True, sort_keys=True, default=str).encode() + b"\n")
        yield number, row


def _class_names(feature: Any) -> list[str]:
    """The names of a ClassLabel, or of a list of them."""
    return list(getattr(getattr(feature, "feature", feature), "names", []))


def _name(value: Any, classes: list[str]) -> Any:
    if isinstance(value, list):
        return [_name(each, classes) for each in value]
    if isinstance(value, int):
        return classes[value] if value >= 0 else None
    return value
