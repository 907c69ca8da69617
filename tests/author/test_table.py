from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.author.table import read_table
from promptsci.errors import DataError, Problems

ROWS = [{"text": f"row {i}", "label": "ab"[i % 2]} for i in range(4)]


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    """The same rows in each format that the data room reads give the same table."""
    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix in ("csv", "tsv"):
        gap = "," if suffix == "csv" else "\t"
        path.write_text("".join(gap.join(line) + "\n" for line in [["text", "label"], *(r.values() for r in ROWS)]))
    else:
        lines = [json.dumps(row) for row in ROWS]
        path.write_text(f"[{','.join(lines)}]" if suffix == "json" else "\n".join(lines))
    table = read_table(path)

    assert list(table.rows.values()) == [tuple(ROWS)]
    assert not table.is_split
    assert dict(table.columns["label"].counts) == {"a": 2, "b": 2}


def test_splits_are_told_by_files_beside_each_other(sheet: Callable[..., Path]) -> None:
    """``train.csv`` beside ``dev.csv`` and ``test.csv`` is one data set; another file there is not part of it."""
    for name in ("train", "dev", "test", "notes"):
        path = sheet(ROWS, f"{name}.csv")
    table = read_table(path.parent / "train.csv")

    assert set(table.rows) == {"train", "validation", "test"}
    assert not read_table(path).is_split


def test_splits_are_told_by_a_column(sheet: Callable[..., Path]) -> None:
    """A column called split whose values are splits divides the rows."""
    table = read_table(sheet([{**row, "split": ("train", "dev")[i % 2]} for i, row in enumerate(ROWS)]))

    assert {name: len(rows) for name, rows in table.rows.items()} == {"train": 2, "validation": 2}
    assert table.why == "column 'split'"


def test_what_cannot_be_read_is_said(tmp_path: Path, sheet: Callable[..., Path]) -> None:
    """A missing file, an empty one and a broken line are errors with their place."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"a": 1}\n{"a"\n[1]\n')
    empty = sheet([{"text": "", "label": ""}], "head.csv")
    empty.write_text("text,label\n")

    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="no rows"):
        read_table(empty)
    with pytest.raises(Problems, match=r"broken\.jsonl:2"):
        read_table(broken)
