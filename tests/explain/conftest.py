"""A row with shots before a tiny random model, ready to be asked about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from promptsci.pipeline import LMs, Settings, load_transformers, prepare
from promptsci.spec import Catalog

TASK = """name: why
title: Why is it cited?
kind: classification
data: {own: {files: {train: train.jsonl, test: test.jsonl}}}
fields: {text: text}
label: {column: label, values: [background, method, result]}
metrics: [accuracy]
shots: {from: train, choose: first}
"""
TEMPLATE = """---
about: x
---
{% block instruction %}Why does the sentence cite?{% endblock %}
{% block input %}Sentence: {{ text }}
Reason:{% endblock %}
{% block target %}{{ choice }}{% endblock %}
"""
TEXTS = [
    "We follow the method of the cited work.",
    "Their model was trained on abstracts, in biology.",
    "In contrast to earlier results, our data show a smaller effect.",
    "The authors extend it to new data.",
    "The treatment has an effect on papers and authors.",
]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of a tiny model only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalogue with one task: eight labelled train rows, five test rows."""
    root = tmp_path_factory.mktemp("catalogue")
    task, wording = root / "tasks" / "why", root / "templates" / "why"
    task.mkdir(parents=True)
    wording.mkdir(parents=True)
    (task / "task.yaml").write_text(TASK)
    (wording / "plain.jinja").write_text(TEMPLATE)
    labels = ("background", "method", "result")
    for name, rows in (("train", [f"{text} Number {n}." for n in range(2) for text in TEXTS][:8]), ("test", TEXTS)):
        lines = [{"id": f"{name}-{i}", "text": text, "label": labels[i % 3]} for i, text in enumerate(rows)]
        (task / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Catalog((root,))


@pytest.fixture(scope="session")
def lms() -> LMs:
    """Loads the tiny model once."""
    return LMs(load_transformers)


@pytest.fixture
def open_run(catalog: Catalog, lms: LMs, tiny_lm_folder: Path) -> Callable[..., Any]:
    """A function: settings -> (Prepared, its LM)."""

    def prepared(**changes: Any) -> Any:
        asked = {"task": "why", "model": str(tiny_lm_folder), "shots": 8, "format": "plain", "verify": 0, **changes}
        found = prepare(Settings(**asked), catalog)
        return found, lms.get(found.model, found.settings)

    return prepared


@pytest.fixture
def ask(open_run: Callable[..., Any]) -> Callable[..., Any]:
    """A function: (row, budget, settings) -> (Asker that explains the decided label, its Question, the Assembler)."""
    import numpy as np

    from promptsci.explain import Asker, Odds

    def asked(row: int = 0, budget: float = 3.0, **changes: Any) -> Any:
        prepared, lm = open_run(**changes)
        questioner = prepared.questioner
        (question,) = questioner.questions([prepared.examples[row]])
        prompt = questioner.assembler.prompt(question.example, question.shots)
        asker = Asker(lm, questioner.encoder, prompt, question.query)
        asker.explain(Odds("sum", np.zeros(3)), None, budget)
        return asker, question, questioner.assembler

    return asked


@pytest.fixture
def rescored() -> Callable[..., float]:
    """A function: (Asker, Prompt) -> the log-odds of its choice, every pair scored alone: the oracle."""
    from promptsci.lm.plain import PlainScorer
    from promptsci.lm.protocol import TokenCount

    def log_odds(asker: Any, prompt: Any) -> float:
        loaded = asker.reading.loaded
        (scored,) = PlainScorer(loaded, 1, TokenCount()).score(asker.encoder.encode([prompt]))
        return float(asker.odds.of(scored.nats, asker.choice))

    return log_odds
