from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptsci.data.stream import Stream, read_where
from promptsci.errors import DataError
from promptsci.spec.catalog import shipped_root
from promptsci.spec.task import read_task

TASK = read_task(shipped_root() / "tasks" / "citation-intent" / "task.yaml")


def stream(path: Path, content: str | bytes | list[Any], **asked: Any) -> Stream:
    """A file of this content, JSON lines unless it is text."""
    if isinstance(content, list):
        content = "".join(f"{json.dumps(row)}\n" for row in content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Stream(path, TASK, **asked)


def test_ids_are_those_that_run_gives(tmp_path: Path) -> None:
    """Rows with ids keep them, others are counted as a run counts them, in the split that the file's name says."""
    from promptsci.data import read_dataset

    rows = [{"text": f"Row {i}.", "label": "Uses"} for i in range(4)]
    for name, given in (("rows.jsonl", {}), ("train.jsonl", {}), ("with.jsonl", {"id": "x"})):
        content = [{**row, **({"id": f"x{i}"} if given else {})} for i, row in enumerate(rows)]
        found = stream(tmp_path / name, content)
        split = read_dataset(TASK, str(tmp_path / name)).splits.popitem()[1]
        assert [record.example.id for record in found.records()] == [example.id for example in split.examples]
        assert [record.example.fields for record in found.records()] == [example.fields for example in split.examples]


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_chunks_hold_every_row_once_in_order(tmp_path: Path, size: int) -> None:
    """However many rows a chunk has, chunks together are the records, numbered, with as many to ask about each."""
    rows = [{"text": f"Row {i}." if i % 5 else "", "n": i % 3} for i in range(20)]
    found = stream(tmp_path / "rows.jsonl", rows, where={"n": "1"})
    chunks = list(found.chunks(size))

    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    records = [record for chunk in chunks for record in chunk.records]
    assert [record.number for record in records] == [record.number for record in found.records()]
    assert all(len(chunk.examples) == size for chunk in chunks[:-1])
    assert sum(chunk.left_out for chunk in chunks) + len(records) == 20


def test_a_fingerprint_counts_rows(tmp_path: Path) -> None:
    """Lines, with or without an end, are rows; a header is none; Parquet knows its rows; the file is hashed whole."""
    import hashlib

    import pyarrow as pa
    from pyarrow import parquet

    assert stream(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": "b"}').fingerprint().rows == 2
    assert stream(tmp_path / "a.csv", "text\na\nb\n").fingerprint().rows == 2
    parquet.write_table(pa.table({"text": ["a", "b", "c"]}), tmp_path / "a.parquet")
    found = Stream(tmp_path / "a.parquet", TASK).fingerprint()
    assert found.rows == 3
    assert found.sha256 == hashlib.sha256((tmp_path / "a.parquet").read_bytes()).hexdigest()


def test_damaged_parquet_and_unknown_endings_are_refused(tmp_path: Path) -> None:
    """What cannot be read at all is an error, no reject."""
    with pytest.raises(DataError, match="broken Parquet"):
        stream(tmp_path / "a.parquet", b"PAR1 no").fingerprint()
    with pytest.raises(DataError, match="cannot be read"):
        list(stream(tmp_path / "a.xyz", "x").records())
    with pytest.raises(DataError, match="empty"):
        list(stream(tmp_path / "a.jsonl", "").records())


def test_rows_are_read_one_after_the_other(tmp_path: Path) -> None:
    """A row is there before the next is read: what stands behind may be of any size."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "first"}\n' * 3)
    records = stream(path, '{"text": "first"}\n' + "x" * 5_000_000).records()

    assert next(records).example.fields == {"text": "first"}
    assert "broken JSON" in next(records).reason


def test_where_is_read_from_words() -> None:
    """A value may hold an equals sign; a word without one is refused."""
    assert read_where(["a=b=c", "year=2019"]) == {"a": "b=c", "year": "2019"}
    with pytest.raises(DataError, match="COLUMN=VALUE"):
        read_where(["year"])


def test_where_compares_text(tmp_path: Path) -> None:
    """Numbers, truth and nothing are compared as JSON writes them."""
    rows = [{"text": "a", "x": value} for value in (1, "1", 1.5, True, None, [1])]

    def kept(value: str) -> list[Any]:
        return [record.row["x"] for record in stream(tmp_path / "r.jsonl", rows, where={"x": value}).records()]

    assert kept("1") == [1, "1"]
    assert kept("1.5") == [1.5]
    assert kept("true") == [True]
    assert kept("null") == [None]
    assert kept("[1]") == [[1]]
