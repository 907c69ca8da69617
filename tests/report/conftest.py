"""Comparisons made by hand, for what a person reads of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from promptsci.compare.comparison import (
    Comparison,
    Cost,
    Difference,
    McNemar,
    Method,
    MetricCard,
    Published,
    RunEntry,
    Spread,
)
from promptsci.score import Estimate

PROMPTED = Cost(0, 0.0, 0, 8, 250.0, 64_000.0, 1_500_000_000)


def _method(name: str, value: float, rank: int, *, tied: bool, runs: int = 1, **given: Any) -> Method:
    metrics = {key: Estimate(value, value - 0.05, value + 0.05) for key in ("macro_f1", "accuracy")}
    entries = tuple(
        RunEntry(f"runs/t/{name}-{seed}", "t/plain", seed, "chat", "batch", {"macro_f1": value, "accuracy": value})
        for seed in range(runs)
    )
    spread = {key: Spread(value, value - 0.1, value + 0.1, 0.08) for key in metrics} if runs > 1 else {}
    calibration = {"ece": Estimate(0.1, 0.05, 0.2), "brier": Estimate(0.7, 0.6, 0.8)}
    rest: dict[str, Any] = {"unseen": None, "seen": None, "calibration": calibration, "cost": PROMPTED} | given
    return Method(name, name, "tiny", None, "batch", entries, metrics, spread, rank=rank, tied=tied, **rest)


def _difference(a: str, b: str, value: float, p: float, pairing: str = "one run each") -> Difference:
    estimate = Estimate(value, value - 0.06, value + 0.06)
    exact = McNemar(9, 3, p, min(1.0, 3 * p)) if pairing == "one run each" else None
    shown = 3 * p < 0.05
    return Difference(a, b, estimate, p, min(1.0, 3 * p), shown, pairing, 1, 0, 1, 0.2, 0.11, 0.12, exact)


@pytest.fixture
def make_comparison() -> Callable[..., Comparison]:
    """A maker of comparisons: lora and 8-shot tied, majority far below."""

    def make(**changed: Any) -> Comparison:
        every = "every run with every run"
        comparison = Comparison(
            task="verdicts",
            split="test",
            rows="all",
            n=1200,
            seen=0,
            main="macro_f1",
            metrics=(
                MetricCard("macro_f1", "Macro-F1", True, "mean"),
                MetricCard("accuracy", "Accuracy", True, "share"),
            ),
            methods=(
                _method("lora", 0.8, 1, tied=True),
                _method("8-shot", 0.78, 2, tied=True, runs=3),
                _method("majority_50%|x", 0.2, 3, tied=False, calibration={}),
            ),
            best="lora",
            baseline="majority_50%|x",
            differences=(
                _difference("8-shot", "lora", -0.02, 0.4, every),
                _difference("majority_50%|x", "lora", -0.6, 0.0001),
                _difference("8-shot", "majority_50%|x", 0.58, 0.0001, every),
                _difference("lora", "majority_50%|x", 0.6, 0.0001),
            ),
            level=0.05,
            published=(),
            notes=("a note",),
            settings={"resamples": 5_000, "exchanges": 9_999, "seed": 0},
        )
        return replace(comparison, **changed)

    return make


@pytest.fixture
def make_compared(make_comparison: Callable[..., Comparison]) -> Callable[..., dict[str, Any]]:
    """A maker of the same as ``to_json`` gives them."""
    return lambda **changed: make_comparison().to_json() | changed


@pytest.fixture
def figures() -> list[dict[str, Any]]:
    """Two published figures, one of the main metric and one of another."""
    rows = [
        Published("Them & us", "macro_f1", 0.7, "A 2020", None, True),
        Published("Others", "f1", 0.5, "B 2021", "averaging unknown", False),
    ]
    return [vars(row) for row in rows]
