from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import SpecError
from promptsci.pipeline import LMs, reproduce
from promptsci.pipeline.classify import classifier_folder
from promptsci.pipeline.tune_head import HeadSettings, prepare_head, tune_head
from promptsci.score.thresholds import labels_said
from promptsci.spec import Catalog

RECIPE = {"epochs": "2", "batch": "4", "lr": "1e-3", "head_lr": "1e-2", "negatives": "1"}


@pytest.fixture
def prepared(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_example: Callable
) -> Callable[..., Any]:
    """A function: the prepared head for an example of the docs, each of whose train rows stands there four times."""
    monkeypatch.chdir(tmp_path)

    def prepare(title: str, model: Path = tiny_encoder_folder, **changes: str) -> Any:
        name = write_example(title)
        folder = tmp_path / "tasks" / name
        text = (folder / "task.yaml").read_text()
        if title == "ranking":
            (folder / "train.jsonl").write_text((folder / "qrels.jsonl").read_text())
            text = text.replace("{corpus:", "{train: train.jsonl, corpus:")
        else:
            rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
            again = [{**row, "id": f"{row['id']}-{n}"} for n in range(4) for row in rows]
            (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in again))
        if title == "extraction: spans":
            text = text.replace("{train:", "{validation: train.jsonl, train:")
        (folder / "task.yaml").write_text(text)
        settings = HeadSettings(task=name, pool="train", model=str(model), recipe={**RECIPE, **changes})
        return prepare_head(settings, Catalog((tmp_path,)), lambda _line: None)

    return prepare


@pytest.mark.parametrize("title", ["extraction: spans", "multilabel", "regression", "ranking"])
def test_a_head_answers_other_kinds(prepared: Callable[..., Any], title: str) -> None:
    """The run has the form's own metrics and rows, says what was learned, and can be made again."""
    one = prepared(title)
    result = tune_head(one, Path("runs"))
    folder = classifier_folder(one, Path("runs"))
    rows = list(folder.rows())

    assert result["main"] == one.task.answers.metrics[0]
    assert [row["id"] for row in rows] == [example.id for example in one.examples]
    assert result["training"]["validation"][result["main"]] == max(
        epoch[result["main"]] for epoch in result["training"]["history"]
    )
    assert result["invalid"] == 0
    assert reproduce(folder, LMs(None), one.catalog).identical


def test_tags_learn_the_spans(prepared: Callable[..., Any], tmp_path: Path) -> None:
    """Taught long enough, the tags of a few sentences are right, and the spans stand where the text has them."""
    one = prepared("extraction: spans", epochs="10", patience="10")
    task = tmp_path / "tasks" / one.task.name
    (task / "test.jsonl").write_text((task / "train.jsonl").read_text())
    one = prepare_head(one.settings, one.catalog, lambda _line: None)
    result = tune_head(one, Path("runs"))
    (first, *_) = classifier_folder(one, Path("runs")).rows()

    assert result["metrics"]["entity_f1"]["value"] == 1.0
    assert first["answer"] == [[14, 24, "Substance"], [28, 33, "Temperature"]]
    assert one.lessons.train.texts[0].startswith("Earlier: ")  # the text itself, not the template's block


def test_a_decoder_tags_too(prepared: Callable[..., Any], tiny_lm_folder: Path) -> None:
    """A causal body gives each token a tag as well."""
    result = tune_head(prepared("extraction: spans", model=tiny_lm_folder), Path("runs"))

    assert result["training"]["pooling"] == "tokens"
    assert result["training"]["trainable_parameters"] > 5 * 32


def test_labels_are_answered_by_thresholds_tuned_on_validation(prepared: Callable[..., Any]) -> None:
    """Each row's answer is what its log-probabilities say under the thresholds that the training keeps."""
    one = prepared("multilabel")
    result = tune_head(one, Path("runs"))
    thresholds = result["training"]["thresholds"]

    assert set(thresholds) == set(one.task.labels)
    for row in classifier_folder(one, Path("runs")).rows():
        assert row["answer"] == labels_said(row["nats"], one.task.labels, thresholds)


def test_a_ranking_learns_from_drawn_negatives(prepared: Callable[..., Any]) -> None:
    """Queries are held out whole, and what was drawn is said."""
    one = prepared("ranking")
    held = {row["query"] for row in one.lessons.validation.rows}

    assert held.isdisjoint(row["query"] for row in one.lessons.train.rows)
    assert any("relevant candidates of the first stage" in note for note in one.notes)


@pytest.mark.parametrize("title", ["generation: texts", "multiple-choice", "extraction: records"])
def test_what_a_head_cannot_answer_is_refused(prepared: Callable[..., Any], title: str) -> None:
    """Texts, records and options of a row are not a head's to give; the error says what it knows."""
    with pytest.raises(SpecError, match="method=head cannot answer with"):
        prepared(title)
