"""A labelling on disk: answers in chunks, each a folder of rows that is there whole or can be gone on with.

runs/TASK/predict_.../job.json             what is labelled by what
runs/TASK/predict_.../rows/000000/         the rows of the first chunk, as a run stores them
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from promptsci.data.stream import Chunk
from promptsci.errors import PromptError, RunError
from promptsci.pipeline.predict.methods import Method
from promptsci.pipeline.run import Watcher
from promptsci.runs import Row, RunFolder, write_atomically

REFERENCES = ("premise_nats", "content_free_nats")
KEPT = ("id", "nats", "text", "answer", "finished_by", "shots_dropped")


class Job:
    """The folder of one labelling."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_path = path / "job.json"

    def chunk(self, number: int) -> RunFolder:
        """Where the answers of a chunk stand."""
        return RunFolder(self.path / "rows" / f"{number:06d}")

    def read(self) -> dict[str, Any]:
        """What job.json holds; empty where the job was never started.

        Raises:
            RunError: it cannot be read.
        """
        if not self.record_path.is_file():
            return {}
        try:
            found = json.loads(self.record_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            what = f"the file cannot be read: {error}"
            raise RunError(what, where=str(self.record_path), fix="Start over with --fresh.") from error
        assert isinstance(found, dict)
        return found

    def write(self, record: Mapping[str, Any]) -> None:
        """Writes job.json whole or not at all."""
        write_atomically(self.record_path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")

    def clear(self) -> None:
        """Removes all answers.

        Raises:
            RunError: another process is adding some.
        """
        for folder in sorted((self.path / "rows").glob("*")):
            RunFolder(folder).clear()

    def is_whole(self, number: int) -> bool:
        """Whether a chunk is answered."""
        return self.chunk(number).is_whole

    def rows(self, number: int) -> list[Row]:
        """The answered rows of a chunk, in the order of the file; those with a ``reason`` were rejected."""
        return list(self.chunk(number).rows())

    def all_rows(self) -> Iterator[list[Row]]:
        """The answered rows of each chunk."""
        for number in range(sum(1 for _ in (self.path / "rows").glob("*"))):
            yield self.rows(number)


def answer_chunk(job: Job, chunk: Chunk, method: Method, *, references: bool, watcher: Watcher) -> None:
    """Answers the rows of a chunk that are not on disk yet, and puts the chunk in place.

    Raises:
        RunError: another process is at it, or it cannot be written.
        PromptError: rows cannot be asked about, for a reason that is not theirs.
    """
    folder = job.chunk(chunk.number)
    folder.check_idle()
    stored = folder.partial_rows()
    done = {row["id"] for row in stored}
    refused = {row["id"]: row["reason"] for row in stored if "reason" in row} | method.refused(chunk.examples)
    kept = (*KEPT, *(REFERENCES if references else ()))
    watcher.advance(chunk.left_out + len(chunk.records) - len(chunk.examples), 0)
    with folder.appending() as writer:
        for row in _answered(method, chunk, refused, done, watcher):
            writer.write({name: row[name] for name in (*kept, "reason") if name in row})
    folder.finish([example.id for example in chunk.examples])


def _answered(method: Method, chunk: Chunk, refused: dict[str, str], done: set[str], watcher: Watcher) -> Iterator[Row]:
    """Yields the line of each example that is not done; one that cannot be asked about has a reason instead."""
    watcher.advance(len(done), 0)
    while True:
        for name in refused.keys() - done:
            yield {"id": name, "reason": refused[name]}
            done.add(name)
            watcher.advance(1, 0)
        examples = [example for example in chunk.examples if example.id not in refused]
        counted = method.computed()
        try:
            for row in method.lines(examples, frozenset(done)):
                yield row
                done.add(row["id"])
                watcher.advance(1, method.computed() - counted)
                counted = method.computed()
        except PromptError:
            # A row that was found to be too long only when its turn came: leave it out, and go on with the others.
            found = method.refused(_left(examples, done), surely=True)
            if not found:
                raise
            refused |= found
        else:
            return


def _left(examples: Sequence[Any], done: set[str]) -> list[Any]:
    return [example for example in examples if example.id not in done]
