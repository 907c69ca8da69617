"""A task with data on disk, and Run folders over it made from numbers: all that a page needs, without a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.compare import Candidate, Comparison, Question, compare, read_candidate
from promptsci.runs import RunFolder

LABELS = ("Background", "Uses", "Future")
QUICK = Question(resamples=200, exchanges=199)


def sentence(row: int) -> str:
    """The text of an ordinary row."""
    return f"In row {row} we follow the method of the cited work."


@dataclass
class Study:
    """A task with a test split, and Runs over it.

    Args:
        root: an empty folder.
        n: rows.
        texts: the first rows' texts; the others are ordinary sentences.
        labels: of the task.
    """

    root: Path
    n: int = 60
    texts: Sequence[str] = ()
    labels: Sequence[str] = LABELS
    candidates: list[Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        self.gold = rng.integers(0, len(self.labels), size=self.n)
        self.seen = rng.random(self.n) < 0.25
        self.data = self.root / "tasks" / "verdicts" / "test.jsonl"
        self.data.parent.mkdir(parents=True)
        named = json.dumps(list(self.labels))
        (self.data.parent / "task.yaml").write_text(
            "name: verdicts\ntitle: Verdicts\nkind: classification\ndata: {own: {files: {test: test.jsonl}}}\n"
            f"fields: {{text: text}}\nlabel: {{column: label, values: {named}}}\nmetrics: [macro_f1, accuracy]\n"
        )
        rows = [
            {"id": f"test-{row}", "text": text, "label": self.labels[self.gold[row]]}
            for row, text in enumerate((*self.texts, *(sentence(row) for row in range(len(self.texts), self.n))))
        ]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(self, method: str, skill: float, seed: int = 0, /, **record: Any) -> Candidate:
        """A finished Run whose log-likelihoods favour the right label by about skill nats."""
        number = len(self.candidates)
        rng = np.random.default_rng(number + 1)
        nats = rng.normal(size=(self.n, len(self.labels))) - 5
        nats[np.arange(self.n), self.gold] += skill
        folder = RunFolder(self.root / "runs" / "verdicts" / f"{method}_{number:08x}")
        folder.write_run({**self._record(method, seed), **record})
        lines = (
            {
                "id": f"test-{row}", "gold": self.labels[self.gold[row]], "seen": bool(self.seen[row]),
                "label": self.labels[int(nats[row].argmax())],
                "nats": {label: [float(value)] for label, value in zip(self.labels, nats[row], strict=True)},
            }
            for row in range(self.n)
        )  # fmt: skip
        folder.predictions_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.candidates.append(read_candidate(folder))
        return self.candidates[-1]

    def _record(self, method: str, seed: int) -> dict[str, Any]:
        shots = int(method.partition("-shot")[0]) if method[0].isdigit() else 0
        tuned = {
            "seconds": 30.0, "trainable_parameters": 10**6, "adapter_bytes": 4 * 10**6, "examples": 200, "epochs": 3,
            "objective": "target",
        }  # fmt: skip
        return {
            "task": "verdicts", "template": "verdicts/plain", "model": "tiny", "split": "test", "seed": seed,
            "adapter": {"name": "verdicts-lora", "sha256": "ef" * 32} if method == "lora" else None,
            "training": tuned if method == "lora" else None,
            "data": {"source": "own", "origin": str(self.data), "revision": None, "about": None},
            "method": method, "shots": shots, "choose": "balanced" if shots else None, "pool": "train",
            "format": "plain", "labels": list(self.labels), "metrics": ["macro_f1", "accuracy"], "rows": self.n,
            "rule": "sum", "state": "done", "host": {"machine": "m"}, "started": "2026-01-01T00:00:00+00:00",
            "settings": {"task": str(self.data.parent / "task.yaml"), "data": None}, "catalog": [str(self.root)],
            "identity": {
                "data": {"test": hashlib.sha256(self.data.read_bytes()).hexdigest()},
                "template": {"name": "verdicts/plain", "sha256": "cd" * 32},
            },
            "integrity": {"splits": {"train": {"labels": dict.fromkeys(self.labels, 10)}}, "overlaps": []},
            "model_description": {"dtype": "float32", "device": "cpu"},
            "cost": {
                "tokens": {"computed": 100 * self.n * (1 + shots)}, "seconds": {"score": 0.05 * self.n * (1 + shots)},
                "peak_memory_bytes": 10**9,
            },
        }  # fmt: skip

    def compare(self, question: Question = QUICK) -> Comparison:
        """What the Runs say."""
        return compare(self.candidates, question)


def three_methods(study: Study) -> Study:
    """The study with three methods, one of them with three seeds."""
    study.run("zero-shot", 0.4)
    for seed in range(3):
        study.run("8-shot", 1.0, seed)
    study.run("lora", 2.5)
    return study


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """A maker of studies: ``make_study(n=..., texts=...)``; each stands in a folder of its own."""
    made: list[Study] = []

    def make(**given: Any) -> Study:
        made.append(Study(tmp_path / f"study{len(made)}", **given))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Three methods on 60 rows, which no test changes."""
    return three_methods(Study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="session")
def comparison(study: Study) -> Comparison:
    """What the study says."""
    return study.compare()


@pytest.fixture
def own_study(make_study: Callable[..., Study]) -> Study:
    """The same for a test that changes it."""
    return three_methods(make_study())
