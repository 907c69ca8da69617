"""Run folders made from numbers: what a comparison reads, without a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.compare import Candidate, read_candidate
from promptsci.runs import RunFolder

LABELS = ("Background", "Uses", "Future")


class Maker:
    """Writes Run folders of one task.

    Args:
        root: the folder of runs.
        n: rows a run.
    """

    LABELS = LABELS

    def __init__(self, root: Path, n: int = 60) -> None:
        self.root = root
        rng = np.random.default_rng(0)
        self.gold = rng.integers(0, len(LABELS), size=n)
        self.seen = rng.random(n) < 0.25
        self.made = 0

    def nats(self, skill: float, seed: int) -> Any:
        """Log-likelihoods [N, C] of a model that favours the right label by about ``skill`` nats."""
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(len(self.gold), len(LABELS)))
        noise[np.arange(len(self.gold)), self.gold] += skill
        return noise - 5

    def run(
        self, method: str = "zero-shot", skill: float = 1.0, rows: Sequence[int] | None = None, **record: Any
    ) -> Path:
        """The folder of a finished Run; record replaces parts of run.json, rows picks some of the rows."""
        self.made += 1
        draw = record.pop("draw", self.made)
        nats = record.pop("nats", None)
        nats = self.nats(skill, draw) if nats is None else nats
        shots = int(method.partition("-shot")[0]) if method[0].isdigit() else 0
        folder = self.root / "verdicts" / f"{method}_{self.made:08x}"
        kept = range(len(self.gold)) if rows is None else rows
        ids = record.pop("ids", [f"test-{row}" for row in range(len(self.gold))])
        stored = {
            "task": "verdicts", "template": "verdicts/plain", "model": "tiny", "adapter": None, "split": "test",
            "data": {"source": "own", "origin": "own", "revision": None, "about": None},
            "method": method, "shots": shots, "choose": "balanced" if shots else None, "pool": "train",
            "seed": 0, "format": "plain", "labels": list(LABELS), "metrics": ["macro_f1", "accuracy"],
            "rows": len(list(kept)), "rule": "sum", "state": "done", "host": {"machine": "m"},
            "started": f"2026-01-01T00:00:{self.made % 60:02d}+00:00",
            "identity": {"data": {"test": "ab" * 32}, "template": {"name": "verdicts/plain", "sha256": "cd" * 32}},
            "integrity": {"splits": {"train": {"labels": dict.fromkeys(LABELS, 10)}}, "overlaps": []},
            "model_description": {"dtype": "float32", "device": "cpu"},
            "cost": {"tokens": {"computed": 6000}, "seconds": {"score": 3.0}, "peak_memory_bytes": 10**9},
        }  # fmt: skip
        folder.mkdir(parents=True)
        lines = [
            {
                "id": ids[row],
                "gold": LABELS[self.gold[row]],
                "label": LABELS[int(np.argmax(nats[row]))],
                "seen": bool(self.seen[row]),
                "nats": {label: [float(value)] for label, value in zip(LABELS, nats[row], strict=True)},
            }
            for row in kept
        ]
        (folder / "run.json").write_text(json.dumps({**stored, **record}))
        (folder / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    def candidate(self, *args: Any, rule: str | None = None, **given: Any) -> Candidate:
        """The same, read."""
        return read_candidate(RunFolder(self.run(*args, **given)), rule)


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """A maker of runs over 60 rows."""
    return Maker(tmp_path / "runs")


@pytest.fixture
def make_maker(tmp_path: Path) -> Callable[[int], Maker]:
    """A maker of makers over n rows."""
    return lambda n: Maker(tmp_path / f"runs{n}", n)
