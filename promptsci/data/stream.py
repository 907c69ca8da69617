"""Rows to be labelled, one after the other: a file of any size in constant memory; what cannot be read says why.

No right answer is needed, and one that is there is not looked at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promptsci.data.example import Example
from promptsci.data.findings import Findings
from promptsci.data.formats import BOM, Row, read_rows
from promptsci.data.gold import gold_reader
from promptsci.data.read import own_split
from promptsci.data.rows import ID, fields_of
from promptsci.errors import DataError, did_you_mean
from promptsci.spec import Task

CHUNK_ROWS = 1_024
"""Rows that are answered and stored together: as many as a run plans together."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the file.

    Attributes:
        number: its place among the rows, from 0.
        line: where it stands in the file, from 1; in a Parquet file the number of the row.
        row: its columns; empty where it cannot be read at all.
        example: what is asked about; None where the row is rejected.
        reason: why it is rejected.
    """

    number: int
    line: int
    row: Row
    example: Example | None = None
    reason: str | None = None


@dataclass
class Chunk:
    """Rows that are answered together, and the rejected ones among them, in the order of the file.

    Attributes:
        number: from 0.
        left_out: rows of the file that were not asked for.
    """

    number: int
    records: list[Record] = field(default_factory=list)
    left_out: int = 0

    @property
    def examples(self) -> list[Example]:
        """What is asked about."""
        return [record.example for record in self.records if record.example is not None]


@dataclass(frozen=True)
class Fingerprint:
    """A file's SHA-256 in hex, and how many rows it has; lines stand for rows where cells may hold line breaks."""

    sha256: str
    rows: int


@dataclass(frozen=True)
class Stream:
    """The rows of a file that are to be labelled.

    Args:
        path: JSON lines, CSV, TSV or Parquet.
        task: says which columns are the template's variables.
        where: column -> value that a row must have, as text, to be asked for.
        limit: how many of those rows, the first ones; None is all.
    """

    path: Path
    task: Task
    where: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None

    def fingerprint(self) -> Fingerprint:
        """What the file is, read once.

        Raises:
            DataError: it cannot be read, or is a JSON list, which cannot be read row by row.
        """
        digest, lines, last, first = hashlib.sha256(), 0, b"", b""
        try:
            with self.path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
                    lines += block.count(b"\n")
                    first, last = first or block, block
        except OSError as error:
            raise DataError(f"the file cannot be read: {error.strerror or error}", where=str(self.path)) from error
        kind = self.path.suffix.lower()
        if kind == ".json" and first.removeprefix(BOM).lstrip().startswith(b"["):
            raise DataError(
                "a JSON list cannot be read row by row",
                where=str(self.path),
                fix="Write JSON lines, one object a line: jq -c '.[]' FILE > FILE.jsonl",
            )
        if kind == ".parquet":
            return Fingerprint(digest.hexdigest(), _parquet_rows(self.path))
        lines += bool(last) and not last.endswith(b"\n")
        return Fingerprint(digest.hexdigest(), max(0, lines - (kind in (".csv", ".tsv"))))

    def rows(self) -> Iterator[Record]:
        """Every row of the file as it stands, unreadable ones with the reason; no column is looked at.

        Raises:
            DataError: the format is not known, or the file cannot be read at all.
        """
        heard = _Heard(str(self.path))
        number = 0
        for line, row in read_rows(self.path, heard):
            for record in heard.rejected(number):
                yield record
                number += 1
            yield Record(number, line, row)
            number += 1
        yield from heard.rejected(number)

    def records(self) -> Iterator[Record]:
        """The rows that are asked for, those that cannot be read or used with the reason, up to the limit."""
        return (record for record in self.decided() if record is not None)

    def decided(self) -> Iterator[Record | None]:
        """As ``records``, and None for each row of the file that is not asked for; it ends at the limit.

        Raises:
            DataError: ``where`` names a column that no row has, or the file has no rows.
        """
        examiner = Examiner(self.task, own_split(self.path))
        taken, columns, is_empty = 0, set[str](), True
        for record in self.rows():
            is_empty = False
            if taken == self.limit:
                return
            if len(columns) < len(self.where):
                columns |= self.where.keys() & record.row.keys()
            if record.reason is None and not self._is_wanted(record.row):
                yield None
                continue
            taken += record.reason is None
            yield record if record.reason else examiner.examined(record)
        missing = sorted(self.where.keys() - columns)
        if is_empty:
            raise DataError("there are no rows", where=str(self.path))
        if missing:
            names = next((list(record.row) for record in self.rows() if record.row), [])
            what = f"there is no column '{missing[0]}' to choose rows by"
            raise DataError(what, where=str(self.path), fix=did_you_mean(missing[0], names))

    def chunks(self, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """The rows in chunks of ``size`` that can be asked about; the last one may have fewer, or none."""
        chunk, n, ids = Chunk(0), 0, set[str]()
        for record in self.decided():
            if record is None:
                chunk.left_out += 1
                continue
            if record.example is not None:
                record = replace(record, example=_unlike(record.example, ids, record.number))  # noqa: PLW2901
                n += 1
            chunk.records.append(record)
            if n == size:
                yield chunk
                chunk, n, ids = Chunk(chunk.number + 1), 0, set()
        if chunk.records or chunk.left_out:
            yield chunk

    def _is_wanted(self, row: Row) -> bool:
        return all(name in row and _as_text(row[name]) == value for name, value in self.where.items())


class _Heard(Findings):
    """Keeps each problem until it is asked for, so that nothing piles up."""

    streaming = True

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.news: list[tuple[int, str]] = []

    def add(self, what: str, line: int, fix: Callable[[], str] | None = None) -> None:  # noqa: ARG002
        """Takes note of a problem."""
        self.total += 1
        self.news.append((line, what))

    def rejected(self, number: int) -> Iterator[Record]:
        """The rows that could not be read since the last time, numbered from ``number``."""
        news, self.news = self.news, []
        for place, (line, what) in enumerate(news):
            yield Record(number + place, line, {}, reason=what)

    def take(self) -> str | None:
        """What was wrong since the last time, as one line; None where nothing was."""
        news, self.news = self.news, []
        return "; ".join(dict.fromkeys(what for _, what in news)) or None


class Examiner:
    """Says of each row what is asked about it, or why nothing can be.

    Args:
        task: says which columns are the template's variables.
        split: begins the ids of rows that have none.
    """

    def __init__(self, task: Task, split: str) -> None:
        self.task = task
        self.split = split
        self._heard = _Heard("")
        self._reader = gold_reader(task, self._heard)

    def examined(self, record: Record) -> Record:
        """The record with its example, or with the reason why it has none."""
        fields = fields_of(record.row, record.line, self.task, self._reader, self._heard)
        reason = self._heard.take()
        if reason is None and _is_blank(fields.values()):
            reason = f"there is no text in {' or '.join(repr(column) for column in self.task.fields.values())}"
        if reason is None and not _is_writable(record.row):
            reason = "a column holds half of a character, which no file can hold"
        if reason is not None:
            return replace(record, reason=reason)
        given = record.row.get(ID)
        is_id = (isinstance(given, str) and given) or (isinstance(given, int) and not isinstance(given, bool))
        name = str(given) if is_id else f"{self.split}-{record.number}"
        return replace(record, example=Example(name, fields))


def _is_blank(values: Iterable[Any]) -> bool:
    """Whether texts are all that is there and none of them says anything."""
    return all(isinstance(value, str) and not value.strip() for value in values)


def _is_writable(row: Row) -> bool:
    """Whether all text of a row can be written as UTF-8; JSON can escape half of a character."""
    text = json.dumps(row, ensure_ascii=False, default=str)
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unlike(example: Example, ids: set[str], number: int) -> Example:
    """The example, under another id where an earlier one of the chunk has it: files to be labelled may repeat ids."""
    if example.id in ids:
        example = replace(example, id=f"{example.id} (row {number})")
    ids.add(example.id)
    return example


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _parquet_rows(path: Path) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return int(parquet.read_metadata(path).num_rows)
    except pa.ArrowException as error:
        raise DataError(f"broken Parquet: {str(error).splitlines()[0].rstrip('.')}", where=str(path)) from error


def read_where(words: Sequence[str]) -> dict[str, str]:
    """Column -> value of words such as ``year=2019``.

    Raises:
        DataError: a word is no COLUMN=VALUE.
    """
    found = {}
    for word in words:
        column, equals, value = word.partition("=")
        if not equals or not column:
            raise DataError(f"'{word}' is not COLUMN=VALUE", fix="Write --where year=2019.")
        found[column] = value
    return found
