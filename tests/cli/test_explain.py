from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def run_dir(score: Callable, project: Path) -> str:
    """A finished run with four shots."""
    return str(score("--shots", 4, "--rule", "sum", "--json").json["run_dir"])


def test_rows_are_explained_within_the_budget(run_dir: str, call: Callable, tmp_path: Path) -> None:
    """Named rows come with shots, words and the check; the page holds them and needs nothing else."""
    page = tmp_path / "why.html"

    answer = call("explain", run_dir, "test-3", "test-7", "--html", page, "--json")

    assert answer.code == 0, answer.err
    found = answer.json
    assert [row["id"] for row in found["rows"]] == ["test-3", "test-7"]
    assert found["tokens"]["highest_ratio"] <= 3
    assert found["faithfulness"]["n"] == 2
    assert all(len(row["shots"]) == 4 and row["words"] for row in found["rows"])
    html = page.read_text(encoding="utf-8")
    assert "test-7" in html
    assert "Content-Security-Policy" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "<script" not in html


def test_the_terminal_shows_what_a_text_of_ones_own_is_made_of(run_dir: str, call: Callable) -> None:
    """A text is asked as the run asks its rows; the check and the cost are said."""
    answer = call("explain", run_dir, "--text", "The <b>lemma</b> is convincing & short.")

    assert answer.code == 0, answer.err
    assert "text: " in answer.out
    assert "moves the log-odds more" in answer.out
    assert "tokens computed" in answer.out


def test_shots_are_mapped_over_the_split(run_dir: str, call: Callable) -> None:
    """Each shot has its number over the labelled rows, and no row is explained."""
    found = call("explain", run_dir, "--split", "--limit", 6, "--json").json

    assert found["rows"] == []
    assert {one["n"] for one in found["shot_map"]} == {6}
    assert {one["verdict"] for one in found["shot_map"]} <= {"helpful", "harmful", "unclear"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("test-99",), "no row 'test-99'"),
        (("test-3", "--label", "goood"), "Did you mean 'good'"),
    ],
)
def test_what_is_not_there_is_said(words: tuple, said: str, run_dir: str, call: Callable) -> None:
    """An unknown row or label is answered with the nearest."""
    answer = call("explain", run_dir, *words)

    assert answer.code == 1
    assert said in answer.err


def test_a_method_that_reads_no_prompt_is_not_explained(call: Callable, project: Path) -> None:
    """There is neither a shot nor a word of a prompt to take away."""
    run = call("run", "task=verdicts", "method=majority", "--json").json["run_dir"]

    answer = call("explain", run)

    assert answer.code == 1
    assert "reads no prompt" in answer.err


def test_perturbed_runs_stand_beside_the_clean_one(score: Callable, call: Callable) -> None:
    """Run --perturb scores all and says what is lost; compare shows the same."""
    answer = score("--shots", 2, "--perturb", "case,order,wording", "--json")

    assert answer.code == 0, answer.err
    found = answer.json
    assert len(found["runs"]) == 4
    assert found["robustness"]["perturbations"] == ["case", "order", "wording"]
    listed = call("runs", "--json").json["runs"]
    assert [run["perturb"] for run in listed] == [None, "case", "order", "wording"]
    assert "2-shot, wording" in call("runs").out
    compared = call("compare", "task=verdicts").out
    assert "the same rows perturbed" in compared
    assert "worst case" in compared


def test_rows_are_made_and_counted(call: Callable, project: Path, tiny_lm_folder: Path) -> None:
    """Augment writes rows with their parents and says what became of the others."""
    out = project / "made.jsonl"

    answer = call(
        "augment", "task=verdicts", f"model={tiny_lm_folder}", "--dtype", "float32", "--augment", "edits",
        "--times", 2, "--out", out, "--json",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    found = answer.json
    assert sum(found["tallies"]["edits"].values()) == 2 * found["parents"]
    assert len(out.read_text().splitlines()) == found["rows"]
    refused = call("augment", "task=verdicts", "--augment", "edit", "--out", out)
    assert refused.code == 1
