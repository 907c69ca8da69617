from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.runs import RowWriter

Call = Callable[..., tuple]


@pytest.fixture
def stored(score: Call) -> dict:
    """A finished 2-shot run on six rows."""
    return score("--shots", 2, "--limit", 6, "--json").json


def change_row(stored: dict, change: Callable[[dict], None]) -> None:
    """Changes the first stored prediction."""
    path = Path(stored["run_dir"]) / "predictions.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(first)
    change(row)
    path.write_text("\n".join([json.dumps(row, ensure_ascii=False), *rest, ""]), encoding="utf-8")


def test_a_run_is_reproduced_byte_for_byte(
    call: Call, stored: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored run is found by the end of its name, from any folder, and its predictions are the same bytes again."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    key = stored["run_dir"].rpartition("_")[2]
    told, answer = call("reproduce", key), call("reproduce", stored["run_dir"], "--json")

    assert (told.code, answer.code) == (0, 0)
    assert "identical, byte for byte (6 rows)" in told.out
    assert answer.json["identical"]
    assert (answer.json["inputs"], answer.json["versions"]) == ({}, {})
    assert answer.json["difference"]["compared"] > 6 * 2


def test_other_log_likelihoods_are_counted(call: Call, stored: dict) -> None:
    """A log-likelihood that differs is counted with its distance; without a changed decision the exit code is 0."""

    def nudge(row: dict) -> None:
        row["nats"]["good"][0] -= 0.25
        row["content_free_nats"][0]["bad"][0] += 0.125

    change_row(stored, nudge)
    told, answer = call("reproduce", stored["run_dir"]), call("reproduce", stored["run_dir"], "--json")

    assert (told.code, answer.code) == (0, 0)
    assert answer.json["identical"] is False
    assert answer.json["difference"]["differing"] == 2
    assert answer.json["difference"]["max_nats"] == pytest.approx(0.25)
    assert "no decision changed" in told.out
    assert "by at most 0.25 nats" in told.out


def test_a_changed_decision_fails(call: Call, stored: dict) -> None:
    """A row that is decided otherwise is named, and the exit code is 1."""
    change_row(stored, lambda row: row.update(label={"good": "bad", "bad": "good"}[row["label"]]))
    told, answer = call("reproduce", stored["run_dir"]), call("reproduce", stored["run_dir"], "--json")

    assert (told.code, answer.code) == (1, 1)
    (decision,) = answer.json["difference"]["decisions"]
    assert decision["stored"] != decision["now"]
    assert decision["id"] in told.out
    assert "1 of 6 decisions changed" in told.out


def test_changed_template_and_data_are_named(call: Call, stored: dict, project: Path) -> None:
    """A template or data file that is not what it was is named by its hash, and so are rows that are gone."""
    wording, data = project / "templates/verdicts/plain.jinja", project / "tasks/verdicts/test.jsonl"
    wording.write_text(wording.read_text().replace("Text:", "Words:"))
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join(lines[:2]))
    answer = call("reproduce", stored["run_dir"], "--json")
    told = call("reproduce", stored["run_dir"]).out

    assert answer.code == 1
    assert set(answer.json["inputs"]) == {"template sha256", "data test"}
    assert answer.json["difference"]["only_stored"]
    assert answer.json["difference"]["prompts"] == answer.json["difference"]["rows"]
    assert "template sha256" in told


def test_changed_versions_are_named(call: Call, stored: dict) -> None:
    """A package of another version is named, stored and now; that alone is no failure."""
    path = Path(stored["run_dir"]) / "run.json"
    record = json.loads(path.read_text())
    record["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(record))
    answer = call("reproduce", stored["run_dir"], "--json")

    assert answer.code == 0
    assert answer.json["versions"]["torch"]["stored"] == "1.0"


def test_the_rule_that_decided_is_used_again(call: Call, score: Call, stored: dict) -> None:
    """A run whose decisions were made anew by another rule is reproduced with that rule."""
    score("--shots", 2, "--limit", 6, "--rule", "batch")

    assert call("reproduce", stored["run_dir"], "--json").json["identical"]


def test_only_finished_runs_are_reproduced(
    call: Call, score: Call, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that stopped half way is refused with what to do."""

    def stop(self: RowWriter, row: dict) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RowWriter, "write", stop)
    score()
    (folder,) = (runs / "verdicts").iterdir()
    answer = call("reproduce", folder)

    assert answer.code == 1
    assert "the run is not finished" in answer.err


def test_stopping_a_reproduction_leaves_nothing(call: Call, stored: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a run is reproduced exits with 130 and promises nothing about going on."""

    def stop(self: RowWriter, row: dict) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RowWriter, "write", stop)
    answer = call("reproduce", stored["run_dir"])

    assert answer.code == 130
    assert "goes on" not in answer.err


def test_a_name_that_fits_two_runs_is_asked_back(call: Call, score: Call, stored: dict) -> None:
    """An ambiguous name is an error that lists what it fits."""
    score("--limit", 6, "--shots", 2, "--seed", 1)
    answer = call("reproduce", "2-shot")

    assert answer.code == 1
    assert "'2-shot' names 2 runs" in answer.err
