"""Claims about ``compare``, ``calibrate`` and ``variance`` from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves its runs for the others: judging needs the folders only."""
    return tmp_path_factory.mktemp("kept") / "verdicts"


@pytest.fixture
def two_methods(score: Callable[..., Any], runs: Path, kept: Path) -> list[Path]:
    """Finished runs: zero-shot with two wordings, two shots with two seeds."""
    if not kept.is_dir():
        for words in (["template=all"], ["--shots", 2, "--seeds", "0,1"]):
            answer = score(*words)
            assert answer.code == 0, answer.err
        shutil.copytree(runs / "verdicts", kept)
    shutil.copytree(kept, runs / "verdicts", dirs_exist_ok=True)
    return sorted((runs / "verdicts").iterdir())


def test_compare_prints_one_table_of_both_methods(two_methods: list[Path], call: Callable[..., Any]) -> None:
    """One row a method, its runs counted, tests and cost beside; nothing on stderr but nothing is a model either."""
    answer = call("compare", "task=verdicts")
    assert answer.code == 0
    for part in ("verdicts  test: 24 rows", "zero-shot", "2-shot", "to the best", "cost, a run on average", "tokens"):
        assert part in answer.out
    assert answer.err == ""


def test_json_is_one_object_with_the_differences(two_methods: list[Path], call: Callable[..., Any]) -> None:
    """--json prints exactly one JSON object; the same call prints the same bytes."""
    answer = call("compare", "task=verdicts", "--json")
    compared = answer.json
    assert {method["name"] for method in compared["methods"]} == {"zero-shot", "2-shot"}
    assert compared["n"] == 24
    assert compared["differences"][0]["pairing"] == "every run with every run"
    assert call("compare", "task=verdicts", "--json").out == answer.out


def test_each_run_may_be_a_row_and_runs_may_be_named(two_methods: list[Path], call: Callable[..., Any]) -> None:
    """--each gives four rows; naming two runs compares just these."""
    assert len(call("compare", "task=verdicts", "--each", "--json").json["methods"]) == 4
    names = [path.name.rpartition("_")[2] for path in two_methods if "zero-shot" in path.name]
    found = call("compare", *names, "--each", "--json").json
    assert {len(method["runs"]) for method in found["methods"]} == {1}
    assert len(found["methods"]) == 2


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("--markdown", "| :-- |"),
        ("--latex", r"\toprule"),
        ("--csv", "rank,name,method"),
        ("--methods", "```bibtex"),
    ],
)
def test_forms(two_methods: list[Path], call: Callable[..., Any], form: str, part: str) -> None:
    """Each form is printed alone on standard output."""
    answer = call("compare", "task=verdicts", form)
    assert answer.code == 0
    assert part in answer.out


def test_methods_names_all_that_is_needed(two_methods: list[Path], call: Callable[..., Any]) -> None:
    """The paragraph names data and model hashes, template hashes, shots, seeds, tests and versions."""
    text = call("compare", "task=verdicts", "--methods").out
    record = json.loads((two_methods[0] / "run.json").read_text())
    identity = record["identity"]
    shots = [line for line in text.splitlines() if "2 shots random from train" in line]
    assert len(shots) == 2
    assert all("train-" in line for line in shots)
    for part in (
        identity["data"]["test"][:12],
        identity["model"]["sha256"][:12],
        identity["template"]["sha256"][:12],
        "seed 1",
        "@holm1979",
        "@noreen1989",
        f"torch {record['versions']['torch']}",
    ):
        assert part in text
    for key in ("efron1993", "noreen1989", "holm1979", "zhou2024"):
        assert f"{{{key}," in text


def test_a_figure_is_written(two_methods: list[Path], call: Callable[..., Any], tmp_path: Path) -> None:
    """--figure writes an SVG and says so on stderr; the table is still printed."""
    answer = call("compare", "task=verdicts", "--figure", tmp_path / "f.svg")
    assert ElementTree.parse(tmp_path / "f.svg").getroot().tag.endswith("svg")
    assert "f.svg" in answer.err
    assert "zero-shot" in answer.out


def test_conventions_and_published_rows(two_methods: list[Path], call: Callable[..., Any], project: Path) -> None:
    """A convention changes the metric and is said; a published figure is a marked row; the card shows both."""
    task = project / "tasks" / "verdicts" / "task.yaml"
    with task.open("a", encoding="utf-8") as out:
        out.write(
            "conventions: {theirs: {metrics: ['mean_f1:good', accuracy], source: Them 2020, about: only good counts}}\n"
            "published: [{method: SOTA, metric: 'mean_f1:good', value: 0.75, source: Them 2020}]\n"
        )
    plain, theirs = call("compare", "task=verdicts"), call("compare", "task=verdicts", "--as-in", "theirs")
    assert "75.0 (mean f1:good)" in plain.out
    assert call("compare", "task=verdicts", "--as-in", "theirs", "--json").json["main"] == "mean_f1:good"
    assert "75.0 (" not in theirs.out
    assert "judged as in theirs (Them 2020): only good counts" in theirs.out
    card = call("tasks", "show", "verdicts").out
    assert "--as-in theirs" in card
    assert "SOTA" in card
    assert "right rows over all rows" in card
    wrong = call("compare", "task=verdicts", "--as-in", "their")
    assert (wrong.code, "Did you mean 'theirs'" in wrong.err) == (1, True)


def test_a_limit_with_other_seeds_is_refused_with_a_way_out(
    two_methods: list[Path], score: Callable[..., Any], call: Callable[..., Any]
) -> None:
    """Runs over other rows are refused by name; --on-shared compares on what is shared."""
    score("--limit", 10)
    answer = call("compare", "task=verdicts")
    assert answer.code == 1
    assert "stand on different rows" in answer.err
    assert "--on-shared" in answer.err
    assert call("compare", "task=verdicts", "--on-shared", "--json").json["n"] == 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task=verdict"], "Did you mean 'verdicts'"),
        (["task=verdicts", "method=zeroshot"], "Did you mean 'zero-shot'"),
        (["task=verdicts", "--metric", "acuracy"], "Did you mean 'accuracy'"),
        (["task=verdicts", "--baseline", "3-shot"], "Did you mean '2-shot'"),
        (["task=verdicts", "--rows", "seen"], "none of the 24 shared rows is seen"),
        (["task=verdicts", "--latex", "--csv"], "only one form"),
        ([], "'task=' is missing"),
        (["nothing"], "there is no run 'nothing'"),
    ],
)
def test_wrong_words_are_answered(
    two_methods: list[Path], call: Callable[..., Any], words: list[str], message: str
) -> None:
    """Exit code 1, one message, no traceback."""
    answer = call("compare", *words)
    assert answer.code == 1
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_unfinished_runs_are_left_out_and_said(two_methods: list[Path], call: Callable[..., Any]) -> None:
    """A run without all its rows is not compared, and a note says so."""
    (two_methods[0] / "predictions.jsonl").rename(two_methods[0] / "predictions.partial.jsonl")
    compared = call("compare", "task=verdicts", "--json").json
    assert "unfinished runs of verdicts left out: 1" in compared["notes"]


def test_variance_names_sources_and_what_to_add(two_methods: list[Path], call: Callable[..., Any]) -> None:
    """A row a method; what is not known is a question mark and an advice."""
    answer = call("variance", "task=verdicts")
    assert answer.code == 0
    assert "sd by wording" in answer.out
    assert "2-shot: wording is not known: add more wordings (template=all)." in answer.out
    methods = call("variance", "task=verdicts", "--json").json["methods"]
    assert {method["name"]: method["runs"] for method in methods} == {"zero-shot": 2, "2-shot": 2}


def test_calibrate_learns_from_another_split(
    two_methods: list[Path], score: Callable[..., Any], call: Callable[..., Any], runs: Path
) -> None:
    """Temperature, abstention, label sets and prevalence are printed; the same rows are refused."""
    assert score("split=train").code == 0
    test = next(path for path in two_methods if "zero-shot_plain" in path.name)
    train = next(path for path in (runs / "verdicts").iterdir() if "_train_" in path.name)
    answer = call("calibrate", test, "--with", train, "--error", 0.2)
    assert answer.code == 0, answer.err
    for part in ("at temperature", "abstention", "label sets", "if the same source", "learnt from 9 labelled rows"):
        assert part in answer.out
    assert call("calibrate", test, "--with", train, "--json").json["n_validation"] == 9
    refused = call("calibrate", test, "--with", test)
    assert (refused.code, "24 rows stand in both runs" in refused.err) == (1, True)
    assert "between 0 and 1" in call("calibrate", test, "--with", train, "--error", 2).err
