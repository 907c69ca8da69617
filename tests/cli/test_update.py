from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promptsci.pipeline import update as story

QUICK = ("epochs=1", "batch=4", "lr=3e-2", "rank=4", "--dtype", "float32")


@pytest.fixture
def tuned(call: Callable, project: Path, tiny_lm_folder: Path, _one_thread: None) -> dict:
    """A tuning of the project's task."""
    return call("tune", "task=verdicts", f"model={tiny_lm_folder}", *QUICK, "--json").json


def write_new(project: Path, *texts: str) -> Path:
    """A file of new rows."""
    path = project / "new.jsonl"
    rows = [{"text": text, "label": ("good", "bad")[n % 2]} for n, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_new_weights_take_the_place_of_the_old(
    call: Callable, project: Path, tuned: dict, tiny_lm_folder: Path
) -> None:
    """An update learns new rows and old ones, leaves out test rows, and ``@current`` is what it put in use; once."""
    path = write_new(project, "The lemma is convincing.", "The chart is not.", "The table number 3 is convincing.")
    told = call("update", tuned["name"], f"data={path}", "replay=1", "--json")
    assert told.code == 0, told.err
    answer = told.json
    current = json.loads((Path(tuned["tune_dir"]) / "current.json").read_text())

    assert answer["rows"]["rows"] == 2
    assert answer["rows"]["left_out"]["stand in test"] == 1
    assert answer["kept"] == {"verdicts": 5}
    assert answer["promoted"] == (not answer["harm"]["shown"])
    assert answer["promoted"]
    assert current["weights"] == answer["current"] == answer["weights"]
    assert answer["runs"][0]["run_dir"] == tuned["runs"][-1]["run_dir"]
    again = call("update", tuned["name"], f"data={path}", "replay=1", "--json").json
    assert (again["name"], again["current"]) == (answer["name"], answer["current"])
    assert len(json.loads((Path(tuned["tune_dir"]) / "current.json").read_text())["history"]) == 1
    used = call("run", "task=verdicts", f"model={tiny_lm_folder}", f"adapter={tuned['name']}@current", "--dtype",
                "float32", "--json").json  # fmt: skip
    assert used["adapter"]["name"] == answer["name"]
    second = call("update", tuned["name"], f"data={write_new(project, 'A third proof.', 'A fourth.')}", "--json").json
    assert second["before"] == answer["weights"]
    # By the first update's replay=1: five train rows, and the two that it learned, though their file is gone.
    assert second["kept"] == {"verdicts": 7}


def test_weights_that_do_harm_stay_out_of_use(
    call: Callable, project: Path, tuned: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where harm is shown the old weights stay, the result says why, and the next update goes on from the old ones."""
    harm = story.harm
    monkeypatch.setattr(story, "harm", lambda *args, **options: replace(harm(*args, **options), shown=True, upper=-0.2))
    path = write_new(project, "The lemma is convincing.", "The chart is not.")
    words = ("update", tuned["name"], f"data={path}")
    answer = call(*words, "--json").json

    assert not answer["promoted"]
    assert answer["current"] == answer["before"]
    assert "the old weights stay in use" in call(*words).out
    assert len(json.loads((Path(tuned["tune_dir"]) / "current.json").read_text())["history"]) == 1


def test_mistakes_are_found_before_training(call: Callable, project: Path, tuned: dict) -> None:
    """No new rows, none that may be learned from, or values that no recipe has end with words that help."""
    leaked = write_new(project, "The table number 1 is convincing.")
    for words, said in (
        ((), "'data=' is missing"),
        ((f"data={leaked}",), "no new row may be learned from: 1 stand in test"),
        (("data=nowhere.jsonl",), "there is no such file"),
        ((f"data={leaked}", "epoch=2"), "Did you mean 'epochs'?"),
    ):
        answer = call("update", tuned["name"], *words)
        assert (answer.code, answer.out, said in answer.err) == (1, "", True), answer.err
