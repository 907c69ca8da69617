"""Labelled rows written as JSON lines, CSV, TSV or Parquet, a part at a time: every column that came in, and ours."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from promptsci.data.formats import Row
from promptsci.errors import DataError, did_you_mean
from promptsci.runs import atomic_file

if TYPE_CHECKING:
    import pyarrow as pa

Write = Callable[[Sequence[Row]], None]
PART_ROWS = 1_024
GROUP_ROWS = 16_384
"""Rows of one row group of a Parquet file: fewer would make it large, more would hold more in memory."""


@dataclass(frozen=True)
class Column:
    """A column that we add: its name and what stands in it; ``json`` is any JSON value, as text where need be."""

    name: str
    kind: Literal["text", "number", "flag", "texts", "json"]


@dataclass(frozen=True)
class Layout:
    """The columns of a file to be written.

    Attributes:
        names: of the columns that came in, in their order of first appearance.
        schema: their Arrow types; None where they are not needed.
        as_json: those that hold values of several types, which Parquet can hold only as JSON text.
    """

    names: tuple[str, ...]
    schema: pa.Schema | None = None
    as_json: tuple[str, ...] = ()


def layout_of(source: Path, target: Path, rows: Callable[[], Iterable[Row]]) -> Layout:
    """The columns of a source, as far as the target must know them before the first row is written."""
    import pyarrow as pa
    from pyarrow import parquet

    wants_types = target.suffix.lower() == ".parquet"
    if source.suffix.lower() == ".parquet":
        schema = parquet.read_schema(source)
        return Layout(tuple(schema.names), schema.remove_metadata())
    names: dict[str, None] = {}
    types = _Types()
    for part in _parts(rows()):
        for row in part:
            names.update(dict.fromkeys(row))
        if wants_types:
            types.add(part)
    if not wants_types:
        return Layout(tuple(names))
    fields = [pa.field(name, types.of(name)) for name in names]
    return Layout(tuple(names), pa.schema(fields), tuple(name for name in names if name in types.mixed))


class _Types:
    """The Arrow types of columns whose values come row by row."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self.mixed: set[str] = set()

    def add(self, rows: Sequence[Row]) -> None:
        """Takes in some rows."""
        import pyarrow as pa

        for name in dict.fromkeys(name for row in rows for name in row):
            if name in self.mixed:
                continue
            try:
                found = pa.array([row.get(name) for row in rows]).type
                earlier = self._found.get(name, pa.null())
                both = [pa.schema([pa.field(name, each)]) for each in (earlier, found)]
                self._found[name] = pa.unify_schemas(both, promote_options="permissive").field(name).type
            except (pa.ArrowException, OverflowError):
                self.mixed.add(name)

    def of(self, name: str) -> Any:
        """The type of a column; text where nothing but nulls, or more than one type, was found."""
        import pyarrow as pa

        found = self._found.get(name, pa.null())
        return pa.string() if name in self.mixed or found == pa.null() else found


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == PART_ROWS:
            yield part
            part = []
    if part:
        yield part


def free_prefix(taken: Iterable[str], columns: Sequence[Column]) -> str:
    """What to put before the names of our columns so that none is among those that came in; nothing where none is."""
    there = set(taken)
    prefix = ""
    while there & {prefix + column.name for column in columns}:
        prefix = f"predicted_{prefix}"
    return prefix


@contextmanager
def writing(path: Path, layout: Layout, added: Sequence[Column]) -> Iterator[Write]:
    """A function that writes rows to a file which appears under its name when all of them are written.

    Raises:
        DataError: the ending of the path is not known.
        RunError: the file cannot be written.
    """
    check_ending(path)
    with atomic_file(path) as file, WRITERS[path.suffix.lower()](file, layout, added) as write:
        yield write


def check_ending(path: Path) -> None:
    """Nothing when files of this ending can be written.

    Raises:
        DataError: they cannot.
    """
    if path.suffix.lower() not in WRITERS:
        what = f"files of type '{path.suffix}' cannot be written" if path.suffix else "the file needs an ending"
        raise DataError(what, where=str(path), fix=did_you_mean(path.suffix or "?", WRITERS))


@contextmanager
def _jsonl(file: BinaryIO, layout: Layout, added: Sequence[Column]) -> Iterator[Write]:  # noqa: ARG001
    def write(rows: Sequence[Row]) -> None:
        file.write("".join(f"{as_json(row)}\n" for row in rows).encode())

    yield write


@contextmanager
def _csv(file: BinaryIO, layout: Layout, added: Sequence[Column]) -> Iterator[Write]:
    with _delimited(file, layout, added, ",") as write:
        yield write


@contextmanager
def _tsv(file: BinaryIO, layout: Layout, added: Sequence[Column]) -> Iterator[Write]:
    with _delimited(file, layout, added, "\t") as write:
        yield write


@contextmanager
def _delimited(file: BinaryIO, layout: Layout, added: Sequence[Column], delimiter: str) -> Iterator[Write]:
    names = [*layout.names, *(column.name for column in added)]

    def write(rows: Sequence[Mapping[str, Any] | None]) -> None:
        text = io.StringIO(newline="")
        out = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        out.writerows(names if row is None else [_cell(row.get(name)) for name in names] for row in rows)
        file.write(text.getvalue().encode())

    write([None])  # the header
    yield write


@contextmanager
def _parquet(file: BinaryIO, layout: Layout, added: Sequence[Column]) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    text = pa.string()
    types = {"text": text, "number": pa.float64(), "flag": pa.bool_(), "texts": pa.list_(text), "json": text}
    assert layout.schema is not None
    schema = pa.schema([*layout.schema, *(pa.field(column.name, types[column.kind]) for column in added)])
    as_text = {*layout.as_json, *(column.name for column in added if column.kind == "json")}

    waiting: list[Row] = []

    def write(rows: Sequence[Row]) -> None:
        waiting.extend({**row, **{name: _text(row.get(name)) for name in as_text}} for row in rows)
        if len(waiting) >= GROUP_ROWS:
            flush()

    def flush() -> None:
        if waiting:
            out.write_table(pa.Table.from_pylist(waiting, schema))
            waiting.clear()

    with parquet.ParquetWriter(file, schema) as out:
        yield write
        flush()


def _text(value: Any) -> str | None:
    return None if value is None else as_json(value)


def _cell(value: Any) -> str:
    """A value as a cell: text as it is, nothing for null, other values as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    """A value as JSON; dates and the like, which Parquet may hold, as the text that they are read as."""
    return json.dumps(value, ensure_ascii=False, default=str)


WRITERS = {".jsonl": _jsonl, ".csv": _csv, ".tsv": _tsv, ".parquet": _parquet, ".ndjson": _jsonl}
