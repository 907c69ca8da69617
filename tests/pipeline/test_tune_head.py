from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import Interrupted, ModelError, PromptsciError
from promptsci.pipeline import LMs, read_result, reproduce
from promptsci.pipeline.classifier import PreparedClassifier
from promptsci.pipeline.classify import classifier_folder
from promptsci.pipeline.tune_head import HeadSettings, prepare_head, recipe_with, tune_head
from promptsci.runs import RunFolder
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root
from promptsci.tune import head

RECIPE = {"epochs": "3", "batch": "4", "lr": "1e-3", "head_lr": "1e-2"}
ABOUT = "the of a in and to we for that with is on by as this are from our".split()


def write_rows(path: Path, n: int, first: int) -> None:
    """Rows whose label is the word they begin with."""
    rows = [{"text": f"{('yes', 'no')[i % 2]} {ABOUT[i % 18]} {first + i}", "label": "ab"[i % 2]} for i in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(autouse=True)
def _task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task, templates = tmp_path / "tasks" / "words", tmp_path / "templates" / "words"
    task.mkdir(parents=True)
    templates.mkdir(parents=True)
    (task / "task.yaml").write_text(
        "name: words\ntitle: Words\nkind: classification\n"
        "data: {own: {files: {train: train.jsonl, validation: validation.jsonl, test: test.jsonl}}}\n"
        "fields: {text: text}\nlabel: {column: label, values: [a, b]}\nmetrics: [accuracy]\n"
    )
    (templates / "plain.jinja").write_text(
        "---\nabout: x\n---\n{% block instruction %}A or b?{% endblock %}\n"
        "{% block input %}Text: {{ text }}{% endblock %}\n{% block target %}{{ choice }}{% endblock %}\n"
    )
    for number, (name, n) in enumerate((("train", 24), ("validation", 8), ("test", 10))):
        write_rows(task / f"{name}.jsonl", n, 100 * number)


@pytest.fixture
def prepared(tiny_encoder_folder: Path) -> Callable[..., PreparedClassifier]:
    """A function that prepares a head on the tiny encoder."""

    def prepare(report: Callable[[str], None] = lambda _line: None, **changes: Any) -> PreparedClassifier:
        settings = {"task": "words", "model": str(tiny_encoder_folder), "recipe": RECIPE, **changes}
        return prepare_head(HeadSettings(**settings), Catalog((Path.cwd(), shipped_root())), report)

    return prepare


def weights(folder: RunFolder) -> dict[str, bytes]:
    """The trained weights as they lie on disk."""
    return {path.name: path.read_bytes() for path in sorted((folder.path / "model").glob("*.safetensors"))}


def test_a_head_learns_and_is_a_run_like_any_other(prepared: Callable[..., PreparedClassifier]) -> None:
    """It beats chance on rows it has not seen, says what it learned, and keeps only the model."""
    lines: list[str] = []
    one = prepared(
        lines.append, recipe={"epochs": "12", "batch": "4", "lr": "1e-3", "head_lr": "0.1", "patience": "12"}
    )
    result = tune_head(one, Path("runs"))
    folder = classifier_folder(one, Path("runs"))
    training = result["training"]

    assert result["metrics"]["accuracy"]["value"] >= 0.9
    assert (result["method"], result["template"], result["rule"]) == ("head", "words/plain", "sum")
    assert result == read_result(folder)
    assert training["validation"]["accuracy"] == max(epoch["accuracy"] for epoch in training["history"])
    assert result["tokens"]["computed"] > 0
    assert len(lines) == training["tried"] == 12
    assert {path.name for path in folder.path.iterdir()} == {"model", "predictions.jsonl", "run.json", "scores.json"}


def test_the_head_reads_the_templates_input_block(prepared: Callable[..., PreparedClassifier]) -> None:
    """What it learns from is what a prompt would show of the example."""
    assert prepared().lessons.train.texts[0] == "Text: yes the 0"


def test_training_that_was_stopped_ends_with_the_same_weights(
    prepared: Callable[..., PreparedClassifier], tmp_path: Path
) -> None:
    """Interrupted after an epoch, with a checkpoint half written beside it, it goes on to the same bytes."""

    def stop(line: str) -> None:
        if line.startswith("epoch 2"):
            raise KeyboardInterrupt

    whole = prepared()
    tune_head(whole, tmp_path / "whole")
    stopped = prepared(stop)
    folder = classifier_folder(stopped, Path("runs"))
    with pytest.raises(Interrupted):
        tune_head(stopped, Path("runs"))
    assert folder.read_run()["state"] == "interrupted"
    half = folder.path / "trainer" / "checkpoint-99"
    half.mkdir()
    (half / "trainer_state.json").write_text("{")
    lines: list[str] = []
    tune_head(prepared(lines.append), Path("runs"))

    assert [line.split(" of ")[0] for line in lines] == ["epoch 2", "epoch 3"]
    assert weights(folder) == weights(classifier_folder(whole, tmp_path / "whole"))
    other = classifier_folder(whole, tmp_path / "whole")
    assert folder.predictions_path.read_bytes() == other.predictions_path.read_bytes()


def test_it_can_be_reproduced(prepared: Callable[..., PreparedClassifier]) -> None:
    """The stored settings train the same head again."""
    one = prepared()
    tune_head(one, Path("runs"))

    assert reproduce(classifier_folder(one, Path("runs")), LMs(None), Catalog((shipped_root(),))).identical


def test_a_trained_head_is_not_trained_again_unless_asked(
    prepared: Callable[..., PreparedClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between training and scoring, it goes on with the head on disk; ``--fresh`` trains anew."""
    one = prepared()
    result = tune_head(one, Path("runs"))
    folder = classifier_folder(one, Path("runs"))
    folder.predictions_path.unlink()
    monkeypatch.setattr(head.Head, "_train", lambda *_: pytest.fail("it is trained again"))

    assert tune_head(one, Path("runs"))["metrics"] == result["metrics"]
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        tune_head(one, Path("runs"), fresh=True)


def test_a_head_that_cannot_be_read_back_faithfully_is_not_kept(
    prepared: Callable[..., PreparedClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs from disk that differ from those in memory are an error, and the folder goes."""
    monkeypatch.setattr(head, "RELOAD_TOLERANCE", -1.0)
    one = prepared()
    with pytest.raises(ModelError, match="does not answer from disk as it did in memory"):
        tune_head(one, Path("runs"))
    assert not (classifier_folder(one, Path("runs")).path / "model").exists()


def test_texts_longer_than_the_body_holds_are_cut_and_counted(prepared: Callable[..., PreparedClassifier]) -> None:
    """The result says how many texts lost their end, in training and in scoring."""
    for name in ("train", "test"):
        path = Path("tasks/words") / f"{name}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows[0]["text"] += " word" * 60
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = tune_head(prepared(recipe={**RECIPE, "epochs": "1"}), Path("runs"))

    for what in ("learned from", "scored"):
        assert f"1 texts {what} are longer than 64 tokens and lost their end" in result["warnings"]


def test_a_decoder_with_a_frozen_body_trains_its_layer_only(
    prepared: Callable[..., PreparedClassifier], tiny_lm_folder: Path
) -> None:
    """A causal LM serves as body too; frozen, it has the layer's numbers to learn and keeps its own."""
    one = prepared(model=str(tiny_lm_folder), frozen=True, recipe={**RECIPE, "epochs": "1"})
    result = tune_head(one, Path("runs"))

    assert result["training"]["trainable_parameters"] == 2 * 32 + 2
    assert result["training"]["pooling"] == "last"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"lrr": "1"}, "Did you mean 'lr'"),
        ({"lr": "fast"}, "lr=fast is no float"),
        ({"epochs": "0"}, "epochs=0 is too small"),
        ({"lr": "-1"}, "lr=-1 is too small"),
        ({"class_weights": "some"}, "Known: balanced, none"),
    ],
)
def test_values_that_cannot_be_are_refused(changes: dict[str, str], what: str) -> None:
    """A recipe's values are checked before anything is loaded."""
    with pytest.raises(PromptsciError, match=what):
        recipe_with(changes)
