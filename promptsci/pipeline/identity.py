"""What decides the predictions of a run, whatever its method: task, data, and the files that go by a hash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from promptsci.data import Dataset
from promptsci.pipeline.answering import reading_of
from promptsci.spec import Task


class Hashed(Protocol):
    """A template, a model: known by a name and a hash of its content."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def sha256(self) -> str:
        """Of all that decides what it does."""
        ...


def hashed(thing: Hashed | None) -> dict[str, str] | None:
    """Name and hash of what is used; None where nothing is."""
    return None if thing is None else {"name": thing.name, "sha256": thing.sha256}


def asked(task: Task) -> dict[str, Any]:
    """What is asked, and how its right answers are read."""
    return {"task": task.name, "labels": list(task.labels), "fields": dict(task.fields), **reading_of(task)}


def used(dataset: Dataset, splits: Iterable[str | None]) -> dict[str, str]:
    """The hashes of the splits that play a part."""
    names = sorted({split for split in splits if split is not None})
    return {name: dataset.splits[name].sha256 for name in names}
