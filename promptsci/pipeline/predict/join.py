"""The end of a labelling: the file read once more, each row beside its answer, written as one labelled file.

Nothing here needs a model, and the same answers give the same bytes.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from promptsci.data.stream import Chunk, Record, Stream
from promptsci.data.table import Layout, Write, as_json, free_prefix, layout_of, writing
from promptsci.pipeline.predict.answers import Cells, Choices, Kept, Shape, count_calls
from promptsci.pipeline.predict.job import Job
from promptsci.runs import Row, atomic_file
from promptsci.score.outcomes import IntArray

SAMPLE_ROWS = 2_000
"""New rows whose texts are compared with those the method was made with."""


@dataclass
class Tally:
    """What is counted while rows are written.

    Attributes:
        read: rows of the file that were asked for.
        labelled: rows written.
        left_out: rows of the file that were not asked for.
        reasons: why rows were rejected, and how many.
        calls: decisions by label [C+1], the last for those that are none.
        kept: decisions kept, and sizes of sets.
        invalid: rows without a valid answer.
        dropped: rows for which shots did not fit the context.
    """

    calls: IntArray
    read: int = 0
    labelled: int = 0
    left_out: int = 0
    invalid: int = 0
    dropped: int = 0
    kept: Kept = field(default_factory=Kept)
    reasons: Counter[str] = field(default_factory=Counter)
    sample: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """Rows that went to the rejects file."""
        return sum(self.reasons.values())

    def draw(self, record: Record) -> None:
        """Keeps the text of the row if it is among those of the sample, which depends on no order of work."""
        assert record.example is not None
        key = hashlib.blake2b(str(record.number).encode(), digest_size=8).hexdigest()
        # The largest keys are kept: the smallest of them stands first in a heap and goes first.
        item = (key, record.number, record.example.text)
        if len(self.sample) < SAMPLE_ROWS:
            heapq.heappush(self.sample, item)
        else:
            heapq.heappushpop(self.sample, item)

    @property
    def texts(self) -> list[str]:
        """The texts of the sample, in the order of the file."""
        return [text for _, _, text in sorted(self.sample, key=lambda item: item[1])]


@dataclass(frozen=True)
class Joined:
    """What was written.

    Attributes:
        tally: what was counted.
        columns: the names of the added columns.
        rejects: the file of rejected rows; None where there are none.
        notes: what a result must say of the columns.
    """

    tally: Tally
    columns: tuple[str, ...]
    rejects: Path | None
    notes: tuple[str, ...]


def rejects_path(out: Path) -> Path:
    """Where rejected rows go."""
    return out.with_name(f"{out.stem}.rejects.jsonl")


def join(job: Job, stream: Stream, shape: Shape, out: Path, labels: Sequence[str]) -> Joined:
    """What was written to the labelled file and to the file of rejected rows.

    Raises:
        RunError: a file cannot be written.
    """
    layout = layout_of(stream.path, out, lambda: (record.row for record in stream.records()))
    prefix = free_prefix(layout.names, shape.columns)
    added = [type(column)(prefix + column.name, column.kind) for column in shape.columns]
    tally = Tally(np.zeros(len(labels) + 1, dtype=np.int64))
    rejects = rejects_path(out)
    with writing(out, layout, added) as write, atomic_file(rejects) as bad:
        for chunk in stream.chunks():
            rows = job.rows(chunk.number)
            # Half a character is written as JSON escapes it.
            bad.write("".join(_rejected(chunk, rows, tally)).encode(errors="backslashreplace"))
            _write_chunk(chunk, rows, shape, tally, _Target(write, prefix, labels))
    if not tally.rejected:
        rejects.unlink()
    names = tuple(column.name for column in added)
    return Joined(tally, names, rejects if tally.rejected else None, tuple(_notes(prefix, layout, out)))


@dataclass(frozen=True)
class _Target:
    """Where rows are written, the prefix of added columns, and the labels that are counted."""

    write: Write
    prefix: str
    labels: Sequence[str]


def _write_chunk(chunk: Chunk, rows: Sequence[Row], shape: Shape, tally: Tally, target: _Target) -> None:
    """Writes the rows of a chunk that have an answer."""
    by_id = {row["id"]: row for row in rows if "reason" not in row}
    records = [record for record in chunk.records if record.example is not None and record.example.id in by_id]
    examples = [record.example for record in records if record.example is not None]
    answered = [by_id[example.id] for example in examples]
    cells = shape.cells(answered, examples)
    target.write([
        {**record.row, **{target.prefix + name: value for name, value in cell.items()}}
        for record, cell in zip(records, cells, strict=True)
    ])  # fmt: skip
    tally.read += len(chunk.records)
    tally.left_out += chunk.left_out
    tally.labelled += len(records)
    tally.dropped += sum(bool(row.get("shots_dropped")) for row in answered)
    for record in records:
        tally.draw(record)
    if isinstance(shape, Choices):
        count_calls(tally.calls, cells, target.labels)
        tally.kept = tally.kept.plus(cells)
    else:
        tally.invalid += sum(next(iter(cell.values())) is None for cell in cells)


def _rejected(chunk: Chunk, rows: Sequence[Row], tally: Tally) -> list[str]:
    """Lines of the rejects file, counted by their reason."""
    refused = {row["id"]: row["reason"] for row in rows if "reason" in row}
    lines = []
    for record in chunk.records:
        reason = record.reason or (refused.get(record.example.id) if record.example else None)
        if reason is None:
            continue
        tally.reasons[_kind(reason, record)] += 1
        cells: Cells = {"line": record.line, "reason": reason, "row": record.row or None}
        lines.append(as_json(cells) + "\n")
    return lines


def _kind(reason: str, record: Record) -> str:
    """The reason without the row's own name and numbers, so that like ones are counted together."""
    if record.example is not None:
        reason = reason.replace(f"example {record.example.id}", "the row")
    return re.sub(r"\d[\d,]*", "N", reason)


def _notes(prefix: str, layout: Layout, out: Path) -> list[str]:
    notes = []
    if prefix:
        notes.append(f"the file has columns of our names already, so that ours begin with {prefix}")
    if layout.as_json:
        mixed = ", ".join(layout.as_json)
        notes.append(f"columns with values of several types stand in {out.name} as JSON text: {mixed}")
    return notes
