"""The command line in this process, in a project of its own: a small task, two wordings, labelled rows."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from promptsci.cli import main

TASK = """name: verdicts
title: Does the reviewer like the paper?
kind: classification
domain: reviews
paper: nobody 2020
licence: CC0-1.0
data:
  own:
    files: {train: train.jsonl, test: test.jsonl}
    about: rows for tests
fields: {text: text}
label: {column: label, values: [good, bad]}
metrics: [accuracy]
shots: {from: train, choose: random}
"""
TEMPLATE = """---
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


class Answer(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """The one JSON object on standard output."""
        return json.loads(self.out)


def write_rows(path: Path, n: int, topic: str) -> None:
    """Rows as JSON lines, the two labels in turn."""
    rows = [{"text": f"The {topic} number {i} is convincing.", "label": ("good", "bad")[i % 2]} for i in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: task ``verdicts`` with the wordings ``plain`` and ``curt``, 9 train and 24 test rows."""
    task, templates = tmp_path / "tasks" / "verdicts", tmp_path / "templates" / "verdicts"
    task.mkdir(parents=True)
    templates.mkdir(parents=True)
    (task / "task.yaml").write_text(TASK, encoding="utf-8")
    (templates / "plain.jinja").write_text(TEMPLATE, encoding="utf-8")
    (templates / "curt.jinja").write_text(TEMPLATE.replace("plain", "curt").replace("Text: ", ""), encoding="utf-8")
    write_rows(task / "train.jsonl", 9, "proof")
    write_rows(task / "test.jsonl", 24, "table")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """A function of a command's words that runs it and gives its exit code and output."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets its own
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["promptsci", *map(str, words)])
        capsys.readouterr()
        before = signal.getsignal(signal.SIGTERM)
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Threads of a tiny model only wait for each other, for minutes where others use the cores too."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def score(call: Callable[..., Answer], project: Path, tiny_lm_folder: Path, _one_thread: None) -> Callable[..., Answer]:
    """``promptsci run`` on the project's task with the tiny model; more words may follow."""

    def run(*words: object) -> Answer:
        return call(
            "run", "task=verdicts", f"model={tiny_lm_folder}", "--dtype", "float32", "--verify-sharing", 0, *words
        )

    return run


@pytest.fixture
def runs() -> Path:
    """The folder of runs."""
    return Path(os.environ["PROMPTSCI_RUNS"])
