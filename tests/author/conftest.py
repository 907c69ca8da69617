"""A project folder with a small task, and rows to start new ones from."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.spec import Catalog

TASK = """name: verdicts
title: Does the reviewer like the paper?
kind: classification
data:
  own:
    files: {train: train.jsonl, test: test.jsonl}
fields: {text: text}
label: {column: label, values: [good, bad]}
metrics: [accuracy]
shots: {from: train, choose: balanced}
"""
WORDING = """---
about: A plain question.
---
{% block instruction %}
Is it good or bad?
{% endblock %}
{% block input %}
Text: {{ text }}
It is
{% endblock %}
{% block target %}{{ choice }}{% endblock %}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: task ``verdicts`` with the wording ``plain``, 8 train and 4 test rows."""
    task, templates = tmp_path / "tasks" / "verdicts", tmp_path / "templates" / "verdicts"
    task.mkdir(parents=True)
    templates.mkdir(parents=True)
    (task / "task.yaml").write_text(TASK)
    (templates / "plain.jinja").write_text(WORDING)
    for split, n_rows in (("train", 8), ("test", 4)):
        rows = (f'{{"text": "{split} row {i}", "label": "{("good", "bad")[i % 2]}"}}\n' for i in range(n_rows))
        (task / f"{split}.jsonl").write_text("".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def catalog(project: Path) -> Catalog:
    """The project's own tasks and templates."""
    return Catalog((project,))


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as CSV and gives the file."""

    def put(rows: list[dict[str, str]], name: str = "data.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return put
