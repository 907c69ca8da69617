from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_method_runs_and_is_listed(call: Callable[..., Any], project: Path) -> None:
    """``method=majority`` prints one JSON object; ``runs`` lists it with its method."""
    answer = call("run", "task=verdicts", "method=majority", "--json")

    assert answer.code == 0
    assert answer.json["method"] == "majority"
    assert answer.json["metrics"]["accuracy"]["value"] == 0.5
    assert [run["method"] for run in call("runs", "--json").json["runs"]] == ["majority"]


def test_the_table_says_what_was_learned(call: Callable[..., Any], project: Path) -> None:
    """A person reads how much was learned from what, what was counted, and why only one rule stands."""
    shown = call("run", "task=verdicts", "method=tfidf").out

    assert "verdicts  tfidf  learned from train, seed 0" in shown
    assert "only the rule sum stands" in shown
    assert "rows of train" in shown
    assert "tokens computed" not in shown


def test_several_seeds_are_shown_beside_each_other(call: Callable[..., Any], project: Path) -> None:
    """``--seeds`` works as for prompts."""
    answer = call("run", "task=verdicts", "method=tfidf", "--seeds", "0,1", "--json").json

    assert [run["seed"] for run in answer["runs"]] == [0, 1]
    assert call("run", "task=verdicts", "method=tfidf", "--seeds", "0,1").out.count("Stored in") == 2


def test_what_means_nothing_to_the_method_is_refused(call: Callable[..., Any], project: Path) -> None:
    """Words about prompts and models are named, all at once, and nothing runs."""
    words = ["model=smollm2-135m", "template=plain", "--shots", 0, "--rule", "mean", "--seed", 3]
    answer = call("run", "task=verdicts", "method=majority", *words)

    assert answer.code == 1
    refused = [line.split("so ")[1].split(" means")[0] for line in answer.err.splitlines() if "means nothing" in line]
    assert refused == ["model=smollm2-135m", "template=plain", "--shots", "--rule"]
    assert not Path("runs").exists()


@pytest.mark.parametrize("method", ["majority", "tfidf"])
def test_no_model_library_is_loaded(project: Path, method: str) -> None:
    """Neither torch nor transformers is imported."""
    code = (
        "import sys; sys.argv = ['promptsci', 'run', 'task=verdicts', 'method=" + method + "', '--json']\n"
        "from promptsci.cli import main; main()\n"
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)), file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)

    assert done.stderr.strip() == "[]"
