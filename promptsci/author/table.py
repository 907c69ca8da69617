"""The rows of somebody's data files as they stand there, and what can be counted of each column."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from promptsci.data.example import split_name
from promptsci.data.findings import Findings
from promptsci.data.formats import Row, read_rows
from promptsci.data.hub import STANDARD
from promptsci.data.read import files_in, own_split
from promptsci.errors import DataError

SPLIT_COLUMNS = ("split", "subset", "fold", "partition")
WHOLE = "all"
"""The name of rows that nobody has split yet."""


def spelled(value: Any) -> str:
    """A label as the data reader spells it: text as it stands, other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str).strip('"')


@dataclass(frozen=True)
class Column:
    """One column over all rows; a value that is missing, null or empty is left out."""

    name: str
    values: tuple[Any, ...]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value stands there, lists and objects left out."""
        return Counter(spelled(value) for value in self.values if not isinstance(value, (list, dict)))

    @cached_property
    def is_text(self) -> bool:
        """Whether every value is text."""
        return bool(self.values) and all(isinstance(value, str) for value in self.values)

    @cached_property
    def words(self) -> float:
        """Words of the middle value; 0 where the values are not text."""
        return statistics.median(len(value.split()) for value in self.values) if self.is_text else 0.0


@dataclass(frozen=True)
class Table:
    """Rows by split.

    Attributes:
        origin: the file or folder that was asked for.
        files: split -> file; empty where the splits were made from a column.
        rows: split -> rows in file order; one split alone where nothing says which rows are for what.
        why: what the splits were told by.
    """

    origin: Path
    files: Mapping[str, Path]
    rows: Mapping[str, tuple[Row, ...]]
    why: str

    @property
    def is_split(self) -> bool:
        """Whether something says which rows are for what."""
        return len(self.rows) > 1

    @cached_property
    def n_rows(self) -> int:
        """Rows in all."""
        return sum(map(len, self.rows.values()))

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Name -> column, in the order in which rows name them."""
        values: dict[str, list[Any]] = {}
        for rows in self.rows.values():
            for row in rows:
                for name, value in row.items():
                    found = values.setdefault(name, [])
                    if value is not None and value != "":
                        found.append(value)
        return {name: Column(name, tuple(found)) for name, found in values.items()}


def read_table(path: Path) -> Table:
    """The rows of a data file, of it and the splits beside it, or of a folder of such files.

    Raises:
        DataError: there is no such file, or one problem with its rows.
        Problems: several problems.
    """
    if path.is_dir():
        files, why = {name: Path(file) for name, file in files_in(path).items()}, f"files of {path}"
    elif not path.is_file():
        raise DataError("there is no such file or folder", where=str(path))
    else:
        files, why = _with_siblings(path)
    rows = {name: _rows(file) for name, file in files.items()}
    only = next(iter(rows.values())) if len(rows) == 1 else ()
    column = next((name for name in SPLIT_COLUMNS if _tells_splits(only, name)), None)
    if column is None:
        return Table(path, files, rows, why)
    parts: dict[str, list[Row]] = {}
    for row in only:
        parts.setdefault(split_name(str(row[column])), []).append(row)
    return Table(path, {}, {name: tuple(part) for name, part in parts.items()}, f"column '{column}'")


def _with_siblings(path: Path) -> tuple[dict[str, Path], str]:
    """The file, and beside ``train.csv`` also ``test.csv`` and the like; a file alone is not split."""
    if path.stem.lower() == split_name(path.stem) or split_name(path.stem) in STANDARD:
        name = split_name(path.stem)
        beside = {
            own_split(file): file
            for file in sorted(path.parent.glob(f"*{path.suffix}"))
            if split_name(file.stem) in STANDARD
        }
        if name in beside and len(beside) > 1:
            return beside, f"files beside {path.name}"
    return {WHOLE: path}, "nothing says which rows are for what"


def _rows(file: Path) -> tuple[Row, ...]:
    findings = Findings(str(file))
    rows = tuple(row for _, row in read_rows(file, findings))
    findings.raise_any()
    if not rows:
        raise DataError("there are no rows", where=str(file))
    return rows


def _tells_splits(rows: tuple[Row, ...], column: str) -> bool:
    values = {row.get(column) for row in rows}
    named = {split_name(value) for value in values if isinstance(value, str)}
    return len(named) == len(values) > 1 and named <= set(STANDARD)
