from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.errors import RunError
from promptsci.explain.odds import RunOdds
from promptsci.score import RULES, Facts, from_rows, log_probabilities

LABELS = ("a", "b", "c")


def make_rows(n: int = 12) -> list[dict[str, Any]]:
    """Rows as predictions.jsonl has them, their numbers drawn."""
    rng = np.random.default_rng(0)

    def nats() -> dict[str, list[float]]:
        return {label: (-3 * rng.random(size)).tolist() for label, size in zip(LABELS, (1, 2, 3), strict=True)}

    return [
        {
            "id": str(i), "gold": "a", "seen": False, "nats": nats(), "premise_nats": nats(),
            "content_free_nats": [nats(), nats()],
        }
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_odds_of_a_row_are_those_of_the_rule(rule: str) -> None:
    """For every rule, choice and row: log p / (1 - p) of the evaluator's own probabilities, and its decision."""
    rows = make_rows()
    logliks = from_rows(rows, LABELS)
    found = np.exp(log_probabilities(rule, logliks))
    decided = found.argmax(axis=1)
    odds = RunOdds(rule, rows, Facts("label", LABELS))

    for number, row in enumerate(rows):
        nats = tuple(tuple(row["nats"][label]) for label in LABELS)
        assert odds.of(row).decide(nats) == decided[number]
        for choice in range(3):
            p = found[number, choice]
            assert odds.of(row).of(nats, choice) == pytest.approx(np.log(p / (1 - p)))


def test_options_of_a_row_may_be_fewer_than_those_of_others() -> None:
    """Multiple choice: a row has log-odds among its own options."""
    row = {"id": "1", "gold": "A", "seen": False, "nats": {"A": [-1.0], "B": [-2.0]}, "premise_nats": None}

    odds = RunOdds("sum", [row], Facts("options")).of(row)

    assert odds.of(((-1.0,), (-2.0,)), 0) == pytest.approx(1.0)


def test_answers_that_are_no_choices_have_no_odds() -> None:
    """A written answer is refused with what to explain instead."""
    with pytest.raises(RunError, match="one of several choices"):
        RunOdds("generated", [], Facts("spans"))
