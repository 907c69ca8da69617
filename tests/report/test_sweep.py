from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from promptsci.report.tuning import show_sweep, trial_line


def trial(number: int, main: float | None, state: str = "done", error: str | None = None) -> dict[str, Any]:
    """A trial as a sweep tells of it."""
    return {"number": number, "values": {"lr": f"{number}e-4"}, "state": state, "main": main, "error": error}


@pytest.mark.parametrize(
    ("metric", "mains", "shown"), [("accuracy", (0.5, 0.75), "75.0"), ("rmse", (-2.5, -1.25), "1.25")]
)
def test_the_best_trial_comes_first_in_the_metrics_own_terms(metric: str, mains: tuple, shown: str) -> None:
    """Shares in per cent, errors in the units of the data, though the search wants more of either; then what failed."""
    trials = [trial(0, mains[0]), trial(1, mains[1]), trial(2, None, "failed", "the loss became nan")]
    known = dict.fromkeys(("task", "method", "template", "model", "sweep_dir", "next"), "x")
    result = {**known, "metric": metric, "validation_rows": 9, "ranges": {"lr": []}, "trials": trials,
              "best": trials[1], "notes": []}  # fmt: skip
    out = Console(record=True, width=100)
    show_sweep(result, out)
    rows = [line.split() for line in out.export_text().splitlines() if "e-4" in line]

    assert [row[0] for row in rows] == ["2", "1", "3"]
    assert rows[0][2] == shown
    assert "the loss became nan" in " ".join(rows[2])


def test_a_trial_is_a_line() -> None:
    """What was tried, what came of it, and of how many."""
    assert trial_line(trial(0, 0.71234), 20) == "trial 1 of 20: lr=0e-4: validation 0.7123"
    assert trial_line(trial(1, None, "cut short"), 20) == "trial 2 of 20: lr=1e-4: cut short"
