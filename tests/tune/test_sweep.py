from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import TuneError
from promptsci.tune.recipe import recipe_file, recipe_for
from promptsci.tune.sweep import Sweep, best_of, check_installed, ranges_of, write_recipe

RANGES = {"lr": ["1e-4", "1e-2"], "rank": ["4", "8", "16"]}
START = {"lr": "0.0003", "rank": "16"}


def value_of(values: dict[str, str]) -> float:
    """What a trial comes to: best at rank 8 and a high rate."""
    return float(values["lr"]) - abs(int(values["rank"]) - 8)


def search(folder: Path, n: int) -> Sweep:
    """A sweep of n trials, continued from what stands in the folder."""
    found = Sweep(folder, RANGES, START, seed=3)
    while found.n_done < n:
        trial, values = found.ask()
        found.done(trial, value_of(values), f"t{trial.number}")
    return found


def test_the_recipes_own_values_come_first(tmp_path: Path) -> None:
    """Trial 0 has the values of the recipe, so the best is never below them; all values lie in their ranges."""
    trials = search(tmp_path, 8).trials()

    assert trials[0]["values"] == START
    assert all(1e-4 <= float(one["values"]["lr"]) <= 1e-2 for one in trials)
    assert {one["values"]["rank"] for one in trials} <= {"4", "8", "16"}
    assert best_of(trials)["main"] == max(value_of(one["values"]) for one in trials)


def test_a_sweep_that_was_stopped_tries_what_one_in_one_go_tries(tmp_path: Path) -> None:
    """Taken up again after every trial, and once within one, a sweep tries the same values in the same order."""
    whole = search(tmp_path / "whole", 9).trials()
    for n in range(1, 5):
        search(tmp_path / "parts", n)
    interrupted = Sweep(tmp_path / "parts", RANGES, START, seed=3)
    _, begun = interrupted.ask()
    parts = search(tmp_path / "parts", 9).trials()

    assert begun == whole[4]["values"]
    assert parts == whole


def test_trials_far_behind_are_cut_short(tmp_path: Path) -> None:
    """After the first trials one that is below the median of its epoch is to be stopped; failures are told apart."""
    found = Sweep(tmp_path, RANGES, START, seed=0)
    for _ in range(5):
        trial, _ = found.ask()
        for epoch in (1, 2):
            trial.report(0.8, step=epoch)
        found.done(trial, 0.8, "t")
    trial, _ = found.ask()
    trial.report(0.1, step=1)
    trial.report(0.1, step=2)
    assert trial.should_prune()
    found.stopped(trial)
    trial, _ = found.ask()
    found.stopped(trial, "the loss became nan")

    assert [one["state"] for one in found.trials()[5:]] == ["cut short", "failed"]
    assert found.trials()[6]["error"] == "the loss became nan"
    assert found.n_done == 7


def test_a_sweep_without_an_end_says_why() -> None:
    """Where every trial failed there is no recipe, and the first error is named."""
    failed: dict[str, Any] = {
        "number": 0,
        "values": {},
        "state": "failed",
        "main": None,
        "error": "the loss became nan",
    }

    with pytest.raises(TuneError, match="the loss became nan"):
        best_of([failed])


def test_given_values_are_not_searched() -> None:
    """A value on the command line leaves the search; with all of them there is nothing to search."""
    stated = recipe_file("lora")

    assert set(ranges_of(stated, {"lr": "1e-4"})) == set(stated.ranges) - {"lr"}
    with pytest.raises(TuneError, match="nothing to search"):
        ranges_of(stated, dict.fromkeys(stated.ranges, "1"))


def test_what_was_chosen_is_a_recipe(tmp_path: Path) -> None:
    """The file that a sweep writes reads back as the very recipe."""
    recipe = recipe_for("lora", 0, {"lr": "0.00042", "rank": "8", "targets": "q_proj v_proj"})
    path = tmp_path / "recipe.yaml"
    write_recipe(path, recipe, RANGES, "Chosen: by hand.")

    assert recipe_for("lora", 10**10, None, str(path)) == recipe
    assert recipe_file("lora", str(path)).ranges == RANGES


def test_without_optuna_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna is an extra."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "optuna":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TuneError, match="not installed"):
        check_installed()
