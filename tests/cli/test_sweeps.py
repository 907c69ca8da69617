from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

FIXED = ("batch=4", "alpha=8", "--dtype", "float32")


@pytest.fixture
def teach(call: Callable, project: Path, tiny_lm_folder: Path, _one_thread: None) -> Callable:
    """``promptsci tune`` on the project's task with the tiny model; more words may follow."""
    path = project / "tasks" / "verdicts" / "train.jsonl"
    rows = [{"text": f"The lemma {n} is {'un' * (n % 2)}sound.", "label": ("good", "bad")[n % 2]} for n in range(16)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(*words: object) -> object:
        return call("tune", "task=verdicts", f"model={tiny_lm_folder}", *words)

    return run


def test_a_sweep_ends_in_a_recipe_that_tune_takes(teach: Callable, runs: Path) -> None:
    """The best trial's values are the recipe's; ``tune --recipe`` finds its weights trained, and closes with runs."""
    sweep = ("--sweep", 2, "epochs=2", *FIXED, "--json")
    first = teach(*sweep).json
    again = teach(*sweep).json
    tuned = teach("--recipe", first["recipe_file"], "--dtype", "float32", "--json")

    assert again["trials"] == first["trials"]
    assert [one["state"] for one in first["trials"]] == ["done", "done"]
    assert set(first["ranges"]) == {"lr", "rank"}
    best = max(first["trials"], key=lambda one: one["main"])
    values = yaml.safe_load(Path(first["recipe_file"]).read_text())["values"]
    assert (values["lr"], values["rank"]) == (first["best"]["values"]["lr"], first["best"]["values"]["rank"])
    assert first["best"]["main"] == best["main"] == tuned.json["training"]["best_validation"]
    assert "GiB free memory" not in tuned.err  # nothing was trained
    assert len(list((Path(first["sweep_dir"]) / "trials").glob("*/*"))) == 1


def test_a_sweep_never_scores_the_test_split(teach: Callable, runs: Path) -> None:
    """No Run is written by a sweep; a person reads the trials, the best first, and what to type next."""
    shown = teach("--sweep", 1, "epochs=1", "rank=4", *FIXED)

    assert shown.code == 0, shown.err
    assert not list(runs.rglob("predictions.jsonl"))
    assert "the test split was not read" in shown.out
    assert "--recipe" in shown.out
    assert "trial 1 of 1: lr=0.0003: validation" in shown.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sweep", 2, "lr=1e-4", "rank=4", "epochs=1"), "nothing to search"),
        (("--sweep", 2, "--limit", 3), "--sweep does not know --limit"),
        (("--recipe", "nowhere.yaml"), "cannot read the recipe"),
    ],
)
def test_mistakes_are_found_before_a_trial(teach: Callable, runs: Path, words: tuple, said: str) -> None:
    """What cannot be meant ends with exit code 1."""
    answer = teach(*words)

    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
    assert not list(runs.rglob("optuna.log"))
