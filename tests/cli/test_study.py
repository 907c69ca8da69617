from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("_one_thread")


@pytest.fixture
def study(call: Callable, project: Path, tiny_lm_folder: Path) -> Callable:
    """``promptsci study`` on the project's task with the tiny model; more words may follow."""

    def run(methods: str, *words: object) -> object:
        head = ("study", "task=verdicts", f"model={tiny_lm_folder}", f"methods={methods}")
        return call(*head, "--dtype", "float32", "--format", "plain", *words)

    return run


def test_a_study_makes_compares_and_advises_and_then_uses_what_is_stored(study: Callable) -> None:
    """The second call makes nothing and says the same."""
    first = study("zero-shot,2-shot,2-shot-similar", "--seeds", "0,1", "--json")
    again = study("zero-shot,2-shot,2-shot-similar", "--seeds", "0,1", "--json")
    runs = first.json["runs"]

    assert first.code == again.code == 0, first.err
    assert [(run["method"], run["seed"]) for run in runs] == [
        ("zero-shot", 0), ("2-shot", 0), ("2-shot", 1), ("2-shot-similar", 0),
    ]  # fmt: skip
    assert first.json["comparison"]["methods"]
    assert first.json["advice"][0].startswith("Use ")
    assert all(run["stored"] for run in again.json["runs"])
    assert again.json["comparison"] == first.json["comparison"]


def test_a_study_trains_as_tune_does(study: Callable, runs: Path) -> None:
    """A tuned model stands in the comparison beside the others, with what its training cost; its bars are runs too."""
    answer = study("majority,lora", "epochs=2", "batch=4", "lr=3e-2", "rank=4", "--json")
    assert answer.json["comparison"], [run["why"] for run in answer.json["runs"]]
    methods = {method["method"]: method for method in answer.json["comparison"]["methods"]}

    assert answer.code == 0, answer.err
    assert set(methods) == {"majority", "lora"}
    assert methods["lora"]["cost"]["training_s"] > 0
    assert len(list(runs.glob("verdicts/zero-shot_*"))) == 1


def test_a_dry_run_prints_the_plan_and_makes_nothing(study: Callable, runs: Path) -> None:
    """The plan has a time for every run."""
    answer = study("zero-shot,2-shot", "--dry-run")

    assert answer.code == 0, answer.err
    assert "zero-shot" in answer.out
    assert "2 of 2 runs to make, about" in answer.out
    assert not list(runs.glob("*/*/predictions*.jsonl"))


def test_an_unknown_method_gets_its_nearest_spelling(study: Callable) -> None:
    """Before anything is loaded."""
    answer = study("zero-shot,8-shots")

    assert answer.code == 1
    assert "there is no method '8-shots'\n  Did you mean '8-shot'?" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--budget", "soon"], "--budget 'soon' is no time"),
        (["--seeds", "a"], "--seeds 'a' is not a list of numbers"),
    ],
)
def test_words_that_mean_nothing_are_refused(study: Callable, words: list[str], said: str) -> None:
    """With an example of how they are written."""
    answer = study("zero-shot", *words)

    assert answer.code == 1
    assert said in answer.err


def test_a_curve_has_a_point_for_each_size(call: Callable, project: Path, tiny_lm_folder: Path) -> None:
    """Shots come from as many labelled rows as the size says, and the figure is written."""
    answer = call(
        "curve", "task=verdicts", f"model={tiny_lm_folder}", "methods=zero-shot,2-shot", "--sizes", "4,all",
        "--dtype", "float32", "--format", "plain", "--figure", "curve.svg", "--json",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    assert {name: [point["size"] for point in points] for name, points in answer.json["points"].items()} == {
        "zero-shot": [4, 9],
        "2-shot": [4, 9],
    }
    assert Path("curve.svg").read_text().startswith("<svg ")
