from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

QUICK = ("epochs=2", "batch=4", "lr=3e-2", "rank=4", "tokens=4", "--dtype", "float32")


@pytest.fixture
def teach(call: Callable, project: Path, tiny_lm_folder: Path, _one_thread: None) -> Callable:
    """``promptsci tune`` on the project's task with the tiny model; more words may follow."""

    def run(*words: object) -> object:
        return call("tune", "task=verdicts", f"model={tiny_lm_folder}", *QUICK, *words)

    return run


@pytest.fixture
def run_with(call: Callable, tiny_lm_folder: Path) -> Callable:
    """``promptsci run`` with an adapter."""

    def run(adapter: object, *words: object) -> object:
        return call(
            "run", "task=verdicts", f"model={tiny_lm_folder}", f"adapter={adapter}", "--dtype", "float32", *words
        )

    return run


@pytest.mark.parametrize("method", ["lora", "prefix"])
def test_tune_ends_with_a_run_that_anyone_can_repeat(
    teach: Callable, run_with: Callable, runs: Path, method: str
) -> None:
    """Tuning stores an adapter and ordinary Runs; ``run adapter=`` has the very result that tune printed."""
    answer = teach(f"--{method}", "--json").json
    counted, base, tuned = answer["runs"]
    again = run_with(answer["weights"], "--json").json

    assert (counted["method"], base["method"], tuned["method"]) == ("tfidf", "zero-shot", method)
    assert tuned["rule"] == "sum"
    assert tuned["adapter"]["name"] == answer["name"]
    assert again["run_dir"] == tuned["run_dir"]
    assert again["metrics"] == tuned["metrics"]
    assert answer["checks"]["reload_nats"] <= 1e-5 < answer["checks"]["base_nats"]
    stored = json.loads((Path(tuned["run_dir"]) / "run.json").read_text())
    assert {
        "method",
        "seconds",
        "trainable_parameters",
        "adapter_bytes",
        "examples",
        "tokens",
        "epochs",
        "objective",
    } <= set(stored["training"])
    assert not (Path(answer["tune_dir"]) / "checkpoints").exists()


def test_a_prefix_may_begin_as_shots(teach: Callable, run_with: Callable, project: Path) -> None:
    """``--init shots`` says which shots it took, reads what follows them, and scores from disk as it did in memory."""
    path = project / "tasks" / "verdicts" / "train.jsonl"
    rows = [{"text": f"The lemma {n} is {'un' * (n % 2)}sound.", "label": ("good", "bad")[n % 2]} for n in range(24)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = teach("--prefix", "--init", "shots", "init_shots=2", "init_tries=2", "--json")
    assert told.code == 0, told.err
    answer = told.json
    shown = answer["opening"]
    again = run_with(answer["weights"], "--json").json

    assert [one["method"] for one in answer["runs"]] == ["tfidf", "zero-shot", "2-shot", "prefix"]
    assert answer["runs"][2]["seed"] == shown["seed"]
    assert len(shown["shots"]) == 2
    assert answer["training"]["examples"] == 24 - 5 - 2
    assert any("begins as the 2-shot prompt of seed" in note for note in answer["notes"])
    assert answer["checks"]["reload_nats"] <= 1e-5
    assert again["metrics"] == answer["runs"][-1]["metrics"]
    assert again["tokens"]["computed"] < answer["runs"][1]["tokens"]["computed"]
    other = run_with(answer["weights"], "--format", "plain")
    assert (other.code, "stands for another beginning" in other.err) == (1, True)


def test_a_whole_model_is_a_folder_like_any_other(teach: Callable, call: Callable) -> None:
    """``--full`` writes a plain model folder, usable as ``model=``, which says what it is."""
    answer = teach("--full", "--train", "last-1", "objective=lm", "--json").json
    again = call("run", "task=verdicts", f"model={answer['weights']}", "--dtype", "float32", "--json").json

    assert (again["method"], again["model"], again["rule"]) == ("full", answer["name"], "sum")
    assert again["metrics"] == answer["runs"][-1]["metrics"]
    assert answer["checks"]["reload_nats"] <= 1e-5


def test_what_is_printed_says_what_came_of_it(teach: Callable) -> None:
    """The table has tuned, untuned and majority rows, notes, and how to use the adapter; the estimate comes first."""
    answer = teach()

    assert answer.code == 0, answer.err
    for words in (
        "lora",
        "zero-shot",
        "always good",
        "tfidf",
        "Use it as adapter=",
        "set aside for it",
        "nats of memory",
    ):
        assert words in answer.out
    assert "GiB free memory" in answer.err


def test_the_bars_are_runs_like_any_other(teach: Callable, call: Callable, tiny_lm_folder: Path) -> None:
    """Rows beside the tuned one are the stored Runs of ``run``; with shots, zero-shot stands there too."""
    options = (f"model={tiny_lm_folder}", "--dtype", "float32")
    stored = [
        call("run", "task=verdicts", *words, "--json").json
        for words in (("method=tfidf",), options, (*options, "--shots", 2))
    ]
    written = {Path(one["run_dir"]) / "predictions.jsonl" for one in stored}
    before = {path: path.stat().st_mtime_ns for path in written}
    answer = teach("--shots", 2, "--json").json

    assert [one["run_dir"] for one in answer["runs"][:-1]] == [one["run_dir"] for one in stored]
    assert [one["method"] for one in answer["runs"]] == ["tfidf", "zero-shot", "2-shot", "lora-2-shot"]
    assert {path: path.stat().st_mtime_ns for path in written} == before


def test_a_bag_of_words_that_cannot_be_made_is_said(teach: Callable) -> None:
    """Where the scored rows are those learned from, there is no tf-idf row, and the result says why."""
    answer = teach("split=train", "--json").json

    assert [one["method"] for one in answer["runs"]] == ["zero-shot", "lora"]
    assert any("there is no tfidf row to compare with: the rows of train" in one for one in answer["warnings"])


def test_the_same_command_prints_the_stored_result(teach: Callable) -> None:
    """A second call trains nothing; ``--fresh`` trains again, to the same numbers."""
    first = teach("--json").json
    again = teach("--json")

    assert again.json["training"] == first["training"]
    assert again.err == ""
    fresh = teach("--json", "--fresh").json
    assert fresh["training"]["best_validation"] == first["training"]["best_validation"]
    assert fresh["training"]["seconds"] != first["training"]["seconds"]


def test_several_adapters_are_scored_on_one_base(
    teach: Callable, run_with: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``adapter=A,B`` loads the base once; a tuning may be called by its name; each has its own result."""
    from promptsci.lm.transformers_lm import TransformersLM

    first, second = teach("--json").json, teach("--seed", 1, "--json").json
    loads: list[object] = []
    load = TransformersLM.load.__func__

    def counted(cls: type, *args: object, **options: object) -> object:
        loads.append(args)
        return load(cls, *args, **options)

    monkeypatch.setattr(TransformersLM, "load", classmethod(counted))
    answer = run_with(f"{first['weights']},{second['name']}", "--json", "--fresh").json

    assert len(loads) == 1
    assert [one["adapter"]["name"] for one in answer["runs"]] == [first["name"], second["name"]]
    assert [one["metrics"] for one in answer["runs"]] == [first["runs"][-1]["metrics"], second["runs"][-1]["metrics"]]


def test_ctrl_c_keeps_what_was_trained(
    teach: Callable, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second epoch exits with 130; the same command goes on and ends with the same bytes."""
    from promptsci.cli.progress import TuneProgress

    whole = teach("--json", "--runs", tmp_path / "whole").json
    step, left = TuneProgress.step, [3]

    def stopping(self: TuneProgress, *args: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        step(self, *args)

    monkeypatch.setattr(TuneProgress, "step", stopping)
    stopped = teach()
    assert (stopped.code, stopped.out) == (130, "")
    assert "goes on from the last checkpoint" in stopped.err
    monkeypatch.setattr(TuneProgress, "step", step)
    answer = teach("--json").json

    name = "adapter_model.safetensors"
    assert (Path(answer["weights"]) / name).read_bytes() == (Path(whole["weights"]) / name).read_bytes()


def test_a_plan_trains_nothing(teach: Callable, runs: Path) -> None:
    """``--dry-run`` says steps, recipe and memory, and writes nothing."""
    plan = teach("--dry-run", "--json").json

    assert (plan["steps"], plan["train_rows"], plan["validation_rows"]) == (4, 5, 4)
    assert plan["memory"]["total"] > 0
    assert not runs.exists()
    assert "recipe" in teach("--dry-run").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lora", "--prefix"), "a tuning has one method"),
        (("epoch=3",), "Did you mean 'epochs'?"),
        (("--train", "last-1"), "Use it with --full"),
        (("--full", "--train", "last-9"), "last-N with N up to 2"),
        (("objective=lm", "smoothing=0.1"), "smoothing goes to the other choices"),
        (("--validation-split", "nowhere"), "there is no split 'nowhere'"),
        (("--rule", "pmi"), "Use --rule sum, mean, batch"),
        (("--full", "--frozen"), "Use it with --head"),
        (("targets=nowhere",), "lora does not fit this model"),
    ],
)
def test_mistakes_are_found_before_training(teach: Callable, words: tuple[str, ...], said: str) -> None:
    """What cannot be meant ends with exit code 1 and words that help."""
    answer = teach(*words)

    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


def test_a_label_that_train_lacks_is_an_error(teach: Callable, project: Path) -> None:
    """A label that no train row has cannot be learned; in a sample asked for, it is said and goes on."""
    path = project / "tasks" / "verdicts" / "train.jsonl"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if '"good"' in line))
    answer = teach()

    assert answer.code == 1
    assert "no train row has the label bad" in answer.err
    assert "no train row has the label bad" in teach("--train-rows", 2, "--dry-run").out


def test_an_adapter_that_is_not_there_gets_the_nearest_name(teach: Callable, run_with: Callable) -> None:
    """Names of tunings are corrected; a folder that is no adapter says so."""
    name = teach("--json").json["name"]
    wrong = run_with(name[:-1] + "zz")

    assert wrong.code == 1
    assert f"Did you mean '{name}'?" in wrong.err


def test_an_adapter_may_begin_as_another(teach: Callable) -> None:
    """``--from`` starts where the other ended, says so in tune.json and on the card, and is a tuning of its own."""
    first = teach("--json").json
    second = teach("--from", first["name"], "weight_decay=0.1", "--json").json
    best = next(one for one in first["log"] if one.get("step") == first["training"]["best_step"] and "eval_main" in one)

    assert second["from"] == {
        "name": first["name"],
        "sha256": first["runs"][-1]["adapter"]["sha256"],
        "task": "verdicts",
    }
    assert second["checks"]["lm_loss"] == pytest.approx(best["eval_lm_loss"], abs=1e-4)
    assert json.loads((Path(second["weights"]) / "promptsci.json").read_text())["from"] == second["from"]
    for words, said in (
        (("--prefix",), "is lora, not prefix"),
        (("--full",), "--full makes none"),
        (("targets=q_proj",), "other layers or sizes"),
    ):
        answer = teach("--from", first["name"], *words)
        assert (answer.code, said in answer.err) == (1, True), answer.err


def test_a_merged_adapter_is_a_model_of_its_own(teach: Callable, call: Callable) -> None:
    """``merge`` finds base, task and wording by itself; ``run model=`` then has the numbers of ``run adapter=``."""
    answer = teach("--json").json
    merged = call("merge", f"adapter={answer['name']}", "--json").json
    again = call("run", "task=verdicts", f"model={merged['model']}", "--dtype", "float32", "--json").json

    assert merged["max_nats"] <= 1e-3
    assert merged["compared_on"] == "24 rows of verdicts, test"
    assert (again["method"], again["model"], again["rule"]) == ("lora", f"{answer['name']}-merged", "sum")
    assert again["metrics"] == answer["runs"][-1]["metrics"]
    assert "there already" in call("merge", f"adapter={answer['name']}").err


def test_four_bits_without_a_gpu_are_refused_at_once(
    call: Callable, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--4bit`` without CUDA ends before task, data or model are looked for, let alone fetched."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    answer = call("tune", "task=verdicts", "model=some/model-that-would-be-fetched", "--4bit")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("weights in four bits need a CUDA GPU")
    assert "both say the precision" in call("tune", "task=verdicts", "--4bit", "--dtype", "float32").err


@pytest.mark.gpu
def test_lora_is_tuned_on_four_bits(call: Callable, run_with: Callable, project: Path, tiny_lm_folder: Path) -> None:
    """``--4bit`` trains an adapter on NF4 weights; closing runs score on the same, one on whole ones says so."""
    answer = call(
        "tune", "task=verdicts", f"model={tiny_lm_folder}", "--4bit", "epochs=2", "batch=4", "lr=3e-2", "--json"
    ).json
    other = run_with(answer["weights"], "--json").json

    assert answer["dtype"] == "nf4"
    assert answer["checks"]["reload_nats"] <= 1e-2
    assert any("tuned on weights in four bits" in one for one in other["warnings"])


@pytest.mark.slow
def test_kill_9_goes_on(teach: Callable, project: Path, runs: Path, tiny_lm_folder: Path, tmp_path: Path) -> None:
    """A process killed in the second epoch leaves a tuning that the same command ends with the same bytes."""
    slowly = (
        "import time; from promptsci.cli import main; from promptsci.cli.progress import TuneProgress as T\n"
        "step = T.step; T.step = lambda self, *a: (time.sleep(0.5), step(self, *a)); main()"
    )
    words = ["tune", "task=verdicts", f"model={tiny_lm_folder}", *QUICK]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with subprocess.Popen([sys.executable, "-c", slowly, *words], cwd=project, env=here) as process:
        while not list(runs.glob("verdicts/tune_*/checkpoints/checkpoint-2/trainer_state.json")):
            assert process.poll() is None
            time.sleep(0.02)
        busy = teach()
        process.kill()
    answer = teach("--json").json
    whole = teach("--json", "--runs", tmp_path / "whole").json

    assert (busy.code, "another process is working on this tuning" in busy.err) == (1, True)
    name = "adapter_model.safetensors"
    assert (Path(answer["weights"]) / name).read_bytes() == (Path(whole["weights"]) / name).read_bytes()
