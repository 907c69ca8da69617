"""How long a run will take: by earlier runs of the same model on this machine, else by what the machine multiplies."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from promptsci.lm import count_weights
from promptsci.runs import RunFolder

LOADING_S = 8.0
"""Imports and weights, once a model."""
EFFICIENCY = 0.4
"""Share of a machine's product rate that reading tokens reaches, on the cautious side."""
SIDE = 1024


@dataclass(frozen=True)
class Effort:
    """What a run takes.

    Attributes:
        model: the model's name.
        path: its folder.
        tokens: tokens that go through it, those of a training counted for each pass.
        seconds: what it takes beside tokens.
    """

    model: str
    path: Path | None
    tokens: int
    seconds: float = 1.0


@dataclass(frozen=True)
class Speed:
    """Tokens per second of models on this machine.

    Attributes:
        measured: by model, from earlier runs.
    """

    measured: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_runs(cls, folders: Iterable[RunFolder]) -> Speed:
        """What finished runs took on a machine like this one; the latest run of a model counts."""
        measured = {}
        for folder in folders:
            rate = _rate(folder.read_run()) if folder.is_whole else None
            if rate is not None:
                measured[rate[0]] = rate[1]
        return cls(measured)

    def seconds(self, effort: Effort) -> float:
        """About how long it takes."""
        if effort.path is None:
            return effort.seconds
        rate = self.measured.get(effort.model) or self._guessed(effort.path)
        return effort.seconds + effort.tokens / rate

    def _guessed(self, path: Path) -> float:
        """Tokens per second: two operations a weight and token."""
        return EFFICIENCY * self._products / (2 * count_weights(path))

    @cached_property
    def _products(self) -> float:
        """Operations per second of float32 matrix products."""
        a = np.ones((SIDE, SIDE), dtype=np.float32)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - start)
        return 2.0 * SIDE**3 / min(times)


def _rate(record: Mapping[str, Any]) -> tuple[str, float] | None:
    """(model, tokens per second) of a finished run that computed enough to tell."""
    cost = record.get("cost") or {}
    tokens, seconds = cost.get("tokens", {}).get("computed", 0), cost.get("seconds", {}).get("score", 0.0)
    if not record.get("model") or tokens < 1000 or seconds <= 0.5:
        return None
    return record["model"], tokens / seconds
