"""A task, and a way to write the template that a test speaks of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.spec import Task, Template, read_template

Write = Callable[..., Path]
BLOCKS = {"instruction": "Say why.", "input": "Sentence: {{ text }}", "target": "{{ choice }}"}


@pytest.fixture
def task() -> Task:
    """A task with two labels and a text field."""
    return Task.model_validate(
        {
            "name": "tiny",
            "title": "Tiny",
            "kind": "classification",
            "data": {"bundled": {"files": {"test": "test.jsonl"}}},
            "fields": {"text": "text"},
            "label": {"column": "label", "values": ["Yes", "No"]},
        }
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a template from its front matter, what stands above the blocks, and its blocks."""

    def put(front: str = "about: x", top: str = "", **blocks: str) -> Path:
        body = "\n".join(f"{{% block {k} %}}\n{v}\n{{% endblock %}}" for k, v in (BLOCKS | blocks).items())
        path = tmp_path / "tiny" / "plain.jinja"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"---\n{front}\n---\n{top}{body}\n", encoding="utf-8")
        return path

    return put


@pytest.fixture
def template(write: Write) -> Callable[..., Template]:
    """The template that `write` writes, read."""
    return lambda *args, **blocks: read_template(write(*args, **blocks))


@pytest.fixture
def shown(template: Callable[..., Template]) -> Callable[..., str]:
    """The text of an input block whose body is given, with these fields."""

    def show(body: str, **fields: Any) -> str:
        return template(input=body).render("input", {"choices": ["a", "b"], "text": "abc", **fields})

    return show
