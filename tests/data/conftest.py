"""A small task to read rows for, and a way to write the file that a test speaks of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.spec import Task


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """Builds a task with the labels method and result; keywords replace parts of it."""

    def make(**parts: Any) -> Task:
        value = {
            "name": "tiny",
            "title": "Tiny",
            "kind": "classification",
            "data": {"bundled": {"files": {"train": "train.jsonl", "test": "test.jsonl"}}},
            "fields": {"text": "text"},
            "label": {"column": "label", "values": ["method", "result"], "read": {"0": "method", "METHOD": "method"}},
        }
        return Task.model_validate(value | parts)

    return make


@pytest.fixture
def task(make_task: Callable[..., Task]) -> Task:
    """The small task as it is."""
    return make_task()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str | bytes], str]:
    """Writes a file into the current folder, an empty one of the test's own, and gives its name back."""
    monkeypatch.chdir(tmp_path)

    def put(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return put
