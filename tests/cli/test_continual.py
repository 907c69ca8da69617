from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

QUICK = ("batch=4", "lr=3e-2", "rank=4", "--dtype", "float32")
WORDS = {"tones": ("happy", "sad"), "fields": ("physics", "biology", "logic")}


def write_task(project: Path, name: str, labels: tuple[str, ...]) -> None:
    """A task beside ``verdicts`` with labels and texts of its own."""
    task, templates = project / "tasks" / name, project / "templates" / name
    task.mkdir(parents=True)
    templates.mkdir(parents=True)
    own = (project / "tasks" / "verdicts" / "task.yaml").read_text()
    (task / "task.yaml").write_text(own.replace("verdicts", name).replace("good, bad", ", ".join(labels)))
    plain = (project / "templates" / "verdicts" / "plain.jinja").read_text()
    (templates / "plain.jinja").write_text(plain.replace("good or bad", f"one of {name}"))
    for split, n in (("train", 12), ("test", 12)):
        rows = [{"text": f"A {split} text of {name}, number {i}.", "label": labels[i % len(labels)]} for i in range(n)]
        (task / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def teach(call: Callable, project: Path, tiny_lm_folder: Path, _one_thread: None) -> Callable:
    """``promptsci tune`` with the tiny model in a project of three tasks; more words may follow."""
    for name, labels in WORDS.items():
        write_task(project, name, labels)

    def run(task: str, *words: object, epochs: int = 1) -> object:
        return call("tune", f"task={task}", f"model={tiny_lm_folder}", f"epochs={epochs}", *QUICK, *words)

    return run


def card(answer: dict) -> dict:
    """What stands beside the weights."""
    return json.loads((Path(answer["weights"]) / "promptsci.json").read_text())


def test_three_tasks_in_a_row(teach: Callable, call: Callable, tiny_lm_folder: Path) -> None:
    """Each step goes on from the one before, keeps its rows, scores every earlier task again, says what was lost."""
    first = teach("verdicts", "--json").json
    second = teach("tones", "--after", first["name"], "replay=0.5", "--json").json
    told = teach("fields", "--after", second["tune_dir"], "--keep", "ewc", "ewc=10", "--json")
    assert told.code == 0, told.err
    third = told.json
    found = third["continual"]

    assert [link["name"] for link in card(third)["chain"]] == [first["name"], second["name"], third["name"]]
    assert [step["keep"] for step in found["steps"]] == [None, "replay", "ewc"]
    assert [column["task"] for column in found["columns"]] == ["verdicts", "tones", "fields"]
    assert [[cell is not None for cell in row] for row in found["cells"]] == [
        [True, True, False], [True, True, True], [True, True, True],
    ]  # fmt: skip
    # Every cell is the score that anyone gets who runs those weights on that task.
    again = call("run", "task=verdicts", f"model={tiny_lm_folder}", f"adapter={third['name']}", "--dtype", "float32",
                 "--json").json  # fmt: skip
    assert found["cells"][2][0]["run_dir"] == again["run_dir"]
    assert found["cells"][2][0]["value"] == again["metrics"]["accuracy"]["value"]
    scores = [[cell and cell["value"] for cell in row] for row in found["cells"]]
    assert found["backward_transfer"] == pytest.approx((scores[2][0] - scores[0][0] + scores[2][1] - scores[1][1]) / 2)
    assert [one["task"] for one in found["changes"]] == ["verdicts", "tones"]
    assert second["after"]["kept"].keys() == {"verdicts"}
    assert second["train_rows"] == 12 - 4 + len(second["after"]["kept"]["verdicts"])
    for suffix, said in (("json", '"forgetting"'), ("md", "| **3** |"), ("html", "<td>3</td>")):
        assert said in (Path(third["tune_dir"]) / f"continual.{suffix}").read_text()
    assert "backward transfer" in teach("fields", "--after", second["tune_dir"], "--keep", "ewc", "ewc=10").out


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["ewc", "distill"])
def test_a_step_that_was_interrupted_ends_with_the_same_weights(
    teach: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    """Ctrl-C in the last epoch, the same command again: the same bytes, and nothing but the weights is left."""
    from promptsci.cli.progress import TuneProgress

    first = teach("verdicts", "--json").json["weights"]
    words = ("--after", first, "--keep", keep, "--json")
    whole = teach("tones", *words, "--runs", tmp_path / "whole", epochs=2).json
    step, left = TuneProgress.step, [4]

    def stopping(self: TuneProgress, *args: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        step(self, *args)

    monkeypatch.setattr(TuneProgress, "step", stopping)
    assert teach("tones", *words, epochs=2).code == 130
    monkeypatch.setattr(TuneProgress, "step", step)
    answer = teach("tones", *words, epochs=2).json

    name = "adapter_model.safetensors"
    assert (Path(answer["weights"]) / name).read_bytes() == (Path(whole["weights"]) / name).read_bytes()
    assert not list(Path(answer["tune_dir"]).glob("importance*")) + list(Path(answer["tune_dir"]).glob("answers*"))


def test_several_tasks_in_one_adapter(teach: Callable, call: Callable, tiny_lm_folder: Path) -> None:
    """``task=A,B`` closes with each task's own bars and tuned row; the mean of validation decides; ``run`` agrees."""
    told = teach("tones,fields", "--json")
    assert told.code == 0, told.err
    joint = told.json
    tuned = {run["task"]: run for run in joint["runs"] if run["method"] == "lora"}
    examined = next(line for line in joint["log"] if "eval_main" in line)

    assert list(tuned) == ["tones", "fields"]
    assert [run["method"] for run in joint["runs"]] == ["tfidf", "zero-shot", "lora"] * 2
    assert examined["eval_main"] == pytest.approx((examined["eval_main_tones"] + examined["eval_main_fields"]) / 2)
    assert [one["task"] for one in card(joint)["tasks"]] == ["tones", "fields"]
    assert joint["checks"]["reload_nats"] <= 1e-5
    assert any("equal shares of every step" in note for note in joint["notes"])
    again = call("run", "task=fields", f"model={tiny_lm_folder}", f"adapter={joint['name']}", "--dtype", "float32",
                 "--json").json  # fmt: skip
    assert again["run_dir"] == tuned["fields"]["run_dir"]
    assert "mean over tasks" in teach("tones,fields").out
    later = teach("verdicts", "--from", joint["tune_dir"], "--json").json
    assert later["from"]["task"] == "tones+fields"
    assert later["from"]["sha256"] == tuned["tones"]["adapter"]["sha256"]


@pytest.mark.slow
def test_a_curve_says_what_a_source_saves(teach: Callable, call: Callable, tiny_lm_folder: Path) -> None:
    """``curve --from`` draws the method from nothing and from the source, and says what is saved, or that none is."""
    first = teach("verdicts", "--json").json["name"]
    words = ("curve", "task=tones", f"model={tiny_lm_folder}", "methods=lora", "--from", first, "--sizes", "4,all",
             "epochs=1", *QUICK)  # fmt: skip
    told = call(*words, "--json")
    assert told.code == 0, told.err
    (worth,) = told.json["savings"]

    assert list(told.json["points"]) == ["lora", f"lora from {first}"]
    assert [one["size"] for one in worth["sizes"]] == [4, 12]
    assert not any(one["labels"] for one in worth["sizes"] if not one["shown"])
    shown = any(one["shown"] for one in worth["sizes"])
    assert ("labels saved" if shown else f"No label is shown to be saved by lora from {first}") in call(*words).out
    wrong = call(*(word.replace("=lora", "=prefix") for word in map(str, words)))
    assert (wrong.code, "none of the methods can begin with" in wrong.err) == (1, True)


@pytest.mark.parametrize(
    ("task", "words", "said"),
    [
        ("tones", ("--keep", "replay"), "there are none"),
        ("tones", ("--after", "a", "--from", "b"), "Give one of them"),
        ("tones", ("--after", "nowhere"), "there is no adapter 'nowhere'"),
        ("tones,tones", (), "Name each task once"),
        ("tones,fields", ("template=plain,plain,plain",), "names 3 for 2 tasks"),
        ("tones,fields", ("--augment", "edits"), "Name one task"),
    ],
)
def test_mistakes_are_found_before_training(teach: Callable, task: str, words: tuple[str, ...], said: str) -> None:
    """What cannot be meant ends with exit code 1 and words that help."""
    answer = teach(task, *words)

    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
