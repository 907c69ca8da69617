from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.lm import catalogue
from promptsci.runs import RowWriter

Call = Callable[..., tuple]


def test_tasks_are_listed_with_their_own_first_folder(call: Call, project: Path) -> None:
    """The user's task stands beside the shipped ones, a line a task, however long its title."""
    listed = {task["name"]: task for task in call("tasks", "--json").json["tasks"]}
    lines = [line for line in call("tasks").out.splitlines() if line.strip().startswith("verdicts ")]

    assert {"citation-intent", "verdicts"} <= set(listed)
    assert listed["verdicts"] == {
        "name": "verdicts", "kind": "classification", "labels": 2, "domain": "reviews",
        "title": "Does the reviewer like the paper?", "licence": "CC0-1.0", "data": "own",
    }  # fmt: skip
    assert len(lines) == 1
    assert all(str(value) in lines[0] for value in listed["verdicts"].values())


def test_a_broken_task_does_not_hide_the_others(call: Call, project: Path) -> None:
    """A task.yaml that cannot be read is an error with its line; the other tasks are listed all the same."""
    (project / "tasks" / "broken").mkdir()
    (project / "tasks" / "broken" / "task.yaml").write_text("name: broken\nnmae: x\n")
    told, answer = call("tasks"), call("tasks", "--json")

    assert told.code == answer.code == 1
    assert "verdicts" in told.out
    assert "broken/task.yaml:2" in told.err
    assert any("broken/task.yaml:2" in problem for problem in answer.json["problems"])


@pytest.mark.parametrize("name", ["verdicts", "task=verdicts", "tasks/verdicts/task.yaml"])
def test_a_card_shows_all_that_a_task_says(call: Call, project: Path, name: str) -> None:
    """``tasks show`` prints fields, labels, sources, metrics, shots, wordings and paper."""
    told, card = call("tasks", "show", name).out, call("tasks", "show", name, "--json").json

    assert card["labels"] == ["good", "bad"]
    assert card["wordings"] == ["curt", "plain"]
    assert card["data"]["own"]["splits"] == {"train": "train.jsonl", "test": "test.jsonl"}
    said = [
        "good, bad",
        "column label",
        "train, test",
        "rows for tests",
        "accuracy",
        "random from train",
        "curt, plain",
        "nobody 2020",
    ]
    assert [words for words in said if words not in told] == []


def test_wordings_are_listed_with_what_they_say_of_themselves(call: Call, project: Path) -> None:
    """``templates`` prints each wording with its ``about``; a broken one is an error beside the others."""
    (project / "templates" / "verdicts" / "zoo.jinja").write_text("no front matter")
    told, answer = call("templates", "task=verdicts"), call("templates", "task=verdicts", "--json")

    assert told.code == answer.code == 1
    assert [(entry["wording"], entry["about"]) for entry in answer.json["templates"]] == [
        ("curt", "A curt question."),
        ("plain", "A plain question."),
    ]
    assert "A curt question." in told.out
    assert "zoo.jinja:1" in told.err


def test_models_are_listed_whether_pulled_or_not(call: Call) -> None:
    """The catalogue's models are listed with parameters, licence, size and whether they are on this machine."""
    listed = call("models", "--json").json
    told = call("models").out

    assert [model["name"] for model in listed["models"]] == list(catalogue())
    assert not any(model["pulled"] for model in listed["models"])
    assert all(model.licence in told for model in catalogue().values())
    assert "to fetch" in told


def test_converted_files_are_listed(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GGUF files that were converted on this machine are listed with their folder and size."""
    monkeypatch.setenv("PROMPTSCI_HOME", str(tmp_path))
    folder = tmp_path / "gguf" / "mine-0123"
    folder.mkdir(parents=True)
    (folder / "complete.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))

    assert call("models", "--json").json["converted"] == [
        {"name": "mine-0123", "disk_bytes": 3_000_002, "folder": str(folder)}
    ]
    assert "3 MB" in call("models").out


def test_pull_shows_terms_and_says_where_the_model_is(
    call: Call, tiny_lm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``models pull`` shows licence and terms on stderr and the folder on stdout."""
    from promptsci import lm

    there = lm.resolve(str(tiny_lm_folder))
    monkeypatch.setattr(lm, "pull", lambda *_: there)
    monkeypatch.setattr(lm, "is_pulled", lambda *_: True)
    told, answer = call("models", "pull", "gemma-3-270m"), call("models", "pull", "model=gemma-3-270m", "--json")

    assert "Gemma Terms of Use" in told.err
    assert catalogue()["gemma-3-270m"].notice in told.err
    assert str(tiny_lm_folder) in told.out
    assert answer.json["folder"] == str(tiny_lm_folder)


def test_no_runs_is_an_answer(call: Call) -> None:
    """Without runs the list says how to make one."""
    assert "promptsci run task=NAME" in call("runs").out
    assert call("runs", "--json").json == {"runs": [], "problems": []}


def test_runs_are_listed_with_state_and_score(
    call: Call, score: Call, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished run has its score, an interrupted one its rows done, a damaged one an error beside the others."""
    done = score("--limit", 6, "--json").json
    with monkeypatch.context() as patch:
        write, written = RowWriter.write, []

        def stop(self: RowWriter, row: dict) -> None:
            written.append(row)
            if len(written) == 4:
                raise KeyboardInterrupt
            write(self, row)

        patch.setattr(RowWriter, "write", stop)
        assert score("--shots", 1).code == 130
    first, second = call("runs", "--json").json["runs"]
    told = call("runs", "task=verdicts").out

    assert (first["state"], first["n"], first["main"]["name"], first["run_dir"]) == (
        "done",
        6,
        "accuracy",
        done["run_dir"],
    )
    assert {key: first["main"][key] for key in ("value", "low", "high")} == done["metrics"]["accuracy"]
    assert (second["state"], second["rows_done"], second["rows"]) == ("interrupted", 3, 24)
    assert "interrupted, 3 of 24 rows" in told
    assert first["run"] in told
    (Path(first["run_dir"]) / "run.json").write_text("{")
    damaged = call("runs", "--json")
    assert (damaged.code, len(damaged.json["runs"]), len(damaged.json["problems"])) == (1, 1, 1)
    assert "run.json: the file is not JSON" in damaged.err


def test_an_unknown_task_has_no_runs(call: Call, runs: Path) -> None:
    """``runs task=NAME`` of a task without runs gives the nearest that has some."""
    (runs / "verdicts").mkdir(parents=True)
    answer = call("runs", "task=verdict")

    assert answer.code == 1
    assert "Did you mean 'verdicts'?" in answer.err


def test_a_running_run_is_said_to_run(call: Call, runs: Path) -> None:
    """A run whose rows are being added is ``running``, whatever run.json says."""
    from promptsci.runs import RunFolder

    folder = RunFolder(runs / "verdicts" / "zero-shot_abcd1234")
    folder.write_run({"task": "verdicts", "state": "interrupted", "rows": 5})
    with folder.appending() as writer:
        writer.write({"id": "1"})
        entry = json.loads(call("runs", "--json").out)["runs"][0]

    assert (entry["state"], entry["rows_done"], entry["run"]) == ("running", 1, "abcd1234")
