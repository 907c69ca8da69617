"""Rows of a file with their line numbers: JSON lines, JSON, CSV, TSV and Parquet.

Text is never changed: no stripping, no unescaping beyond the format's own, NUL and control characters kept.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from promptsci.data.findings import Findings, short
from promptsci.errors import DataError, did_you_mean

Row = dict[str, Any]
Rows = Iterator[tuple[int, Row]]
BOM = b"\xef\xbb\xbf"
ONE_OBJECT = "Write one JSON object per line."
DOUBLE = 'Put a cell with a quote in quotes and double the quote: "say ""yes""".'
LARGEST_CELL = 2**31 - 1  # csv's own limit of 128 KiB is smaller than a paper


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_rows(path: Path, findings: Findings) -> Rows:
    """(line, row) of every row, streamed; what is wrong with a row goes to findings and the reading goes on.

    Raises:
        DataError: the format is not known, or the file cannot be read at all.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        what = f"files of type '{path.suffix}' cannot be read" if path.suffix else "a data file needs an ending"
        raise DataError(what, where=findings.origin, fix=_endings(path.suffix))
    if path.stat().st_size == 0:
        raise DataError("the file is empty", where=findings.origin)
    return reader(path, findings)


def _endings(suffix: str) -> str:
    near = did_you_mean(suffix, READERS) if suffix else ""
    return near if near.startswith("Did") else f"Known: {', '.join(READERS)}."


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, bytes) of each line, without a byte order mark."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield number, line.removeprefix(BOM) if number == 1 else line


def read_lines(path: Path, findings: Findings) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of each line of a UTF-8 file, its end on it."""
    for number, raw in _lines(path):
        try:
            yield number, raw.decode()
        except UnicodeDecodeError:
            findings.add("the line is not UTF-8", number, lambda: "Save the file as UTF-8.")


class _TwiceError(ValueError):
    """A key stands twice in one JSON object; json would silently keep the last."""


def _once(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in row if keys.count(key) > 1))
    return row


JSON = json.JSONDecoder(object_pairs_hook=_once)


def _jsonl(path: Path, findings: Findings) -> Rows:
    """Rows of JSON lines; lines without anything on them are no rows."""
    for number, raw in _lines(path):
        if not raw or raw.isspace():
            continue
        try:
            value = JSON.decode(raw.decode())
        except UnicodeDecodeError:
            findings.add("the line is not UTF-8", number, lambda: "Save the file as UTF-8.")
        except json.JSONDecodeError as error:
            findings.add(f"broken JSON: {error.msg} at column {error.colno}", number, lambda: ONE_OBJECT)
        except _TwiceError as error:
            findings.add(f"the key '{short(str(error))}' is given twice", number, lambda: "Remove one of them.")
        except (ValueError, RecursionError) as error:  # a number of 5,000 digits; lists 1,000 deep
            findings.add(f"JSON that cannot be read: {short(str(error))}", number)
        else:
            if isinstance(value, dict):
                yield number, value
            else:
                findings.add(f"expected a JSON object, found {_kind(value)}", number, lambda: ONE_OBJECT)


def _json(path: Path, findings: Findings) -> Rows:
    """Rows of a JSON list of objects; a file that does not start with ``[`` is read as JSON lines."""
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(BOM).lstrip()
    if not start.startswith(b"["):
        yield from _jsonl(path, findings)
        return
    text = _decode(path.read_bytes().removeprefix(BOM), findings.origin)
    position, line = text.index("[") + 1, 1
    counted = 0
    while True:
        position = _skip(text, position, " \t\r\n")
        if text[position : position + 1] == "]":
            return
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = JSON.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _broken_list(error, findings.origin, line) from error
        if isinstance(value, dict):
            yield line, value
        else:
            findings.add(f"expected a JSON object, found {_kind(value)}", line, lambda: "Write a list of objects.")
        position = _skip(text, position, " \t\r\n")
        if text[position : position + 1] not in (",", "]"):
            line += text.count("\n", counted, position)
            raise DataError("broken JSON: expected ',' or ']' after an object", where=f"{findings.origin}:{line}")
        position += text[position] == ","


def _broken_list(error: Exception, origin: str, line: int) -> DataError:
    if isinstance(error, json.JSONDecodeError):
        return DataError(f"broken JSON: {error.msg} at column {error.colno}", where=f"{origin}:{error.lineno}")
    if isinstance(error, _TwiceError):
        return DataError(f"the key '{short(str(error))}' is given twice", where=f"{origin}:{line}")
    return DataError(f"JSON that cannot be read: {short(str(error))}", where=f"{origin}:{line}")


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position


def _decode(raw: bytes, origin: str, first_line: int = 1) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = first_line + raw.count(b"\n", 0, error.start)
        raise DataError("the line is not UTF-8", where=f"{origin}:{line}", fix="Save the file as UTF-8.") from error


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _csv(path: Path, findings: Findings) -> Rows:
    return _delimited(path, findings, ",")


def _tsv(path: Path, findings: Findings) -> Rows:
    return _delimited(path, findings, "\t")


def _delimited(path: Path, findings: Findings, delimiter: str) -> Rows:
    """Rows under a header line; the number of a row is the line on which it starts."""
    csv.field_size_limit(max(csv.field_size_limit(), LARGEST_CELL))
    if findings.streaming:
        text = (line for _, line in read_lines(path, findings))
    else:
        text = (_decode(raw, findings.origin, number) for number, raw in _lines(path))
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.add(f"broken {path.suffix[1:].upper()}: {error}", line, lambda: DOUBLE)
            if findings.streaming:
                continue
            return
        if not cells:
            continue
        if header is None:
            header = _header(cells, f"{findings.origin}:{line}")
        elif len(cells) != len(header):
            findings.add(f"the row has {_cells(len(cells))}, the header {len(header)}", line)
        else:
            yield line, dict(zip(header, cells, strict=True))


def _cells(number: int) -> str:
    return f"{number} cell" if number == 1 else f"{number} cells"


def _header(cells: list[str], where: str) -> list[str]:
    for name in cells:
        if cells.count(name) > 1:
            raise DataError(f"the column '{short(name)}' stands twice in the header", where=where)
    return cells


def _parquet(path: Path, findings: Findings) -> Rows:
    """Rows of a Parquet file; the number of a row counts rows, from 1."""
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=4096):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except pa.ArrowException as error:
        first = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"broken Parquet: {first}", where=findings.origin) from error


# .txt because published JSON lines are often called that.
READERS: dict[str, Callable[[Path, Findings], Rows]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
    ".ndjson": _jsonl,
    ".txt": _jsonl,
}
