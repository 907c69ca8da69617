from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import Problems, PromptsciError

# By its full name: in the room's public face, `prepare` is the function.
prepare_module = importlib.import_module("promptsci.pipeline.prepare")


def test_all_that_is_wrong_is_told_before_a_model_is_loaded(project: Any) -> None:
    """Template, rule, data, shots and model are all looked at before anything is told."""
    with pytest.raises(Problems) as caught:
        project.prepare(template="plian", rule="summ", choose="similiar", model="smollm2-135")

    text = str(caught.value)
    assert [
        near for near in ("'plain'", "'sum'", "'similar'", "'smollm2-135m'") if f"Did you mean {near}" not in text
    ] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "tset"}, "there is no split 'tset'\n  Did you mean 'test'"),
        ({"shots": 500}, "500 shots are asked for, but the pool has"),
        ({"limit": 0}, "cannot take 0 rows"),
        ({"data": "bundeld"}, "Did you mean 'bundled'"),
        ({"task": "citation"}, "there is no task 'citation'"),
    ],
)
def test_each_mistake_has_its_message(project: Any, settings: dict[str, Any], message: str) -> None:
    """A wrong setting is named with what to write instead."""
    with pytest.raises(PromptsciError) as caught:
        project.prepare(**settings)

    assert message in str(caught.value)


def test_a_row_that_cannot_be_asked_is_told(project: Any, tmp_path: Path) -> None:
    """Rows that are too long for the model are found before it is loaded, with their ids and lengths."""
    project.write_task(tmp_path, 4)
    path = tmp_path / "tasks/many/test.jsonl"
    path.write_text(path.read_text() + '{"id": "long", "text": "' + "word " * 600 + '", "label": "a"}\n')
    with pytest.raises(PromptsciError, match=r"example long needs [\d,]+ tokens without any shot; the model holds 512"):
        project.prepare(task="many", limit=None)


def test_shots_that_run_out_are_told(project: Any, tmp_path: Path) -> None:
    """A query whose own text stands in a pool of exactly k texts is named before the run begins."""
    project.write_task(tmp_path, 4)
    path = tmp_path / "tasks/many/test.jsonl"
    path.write_text(path.read_text() + '{"id": "twin", "text": "TRAIN row  3", "label": "a"}\n')
    for rule in ("random", "similar", "balanced"):
        with pytest.raises(PromptsciError, match="too few shots are left for example twin"):
            project.prepare(task="many", limit=None, shots=8, choose=rule)


def test_texts_that_leak_are_marked(project: Any, tmp_path: Path) -> None:
    """Rows whose text also stands in the pool are known."""
    project.write_task(tmp_path, 4)
    path = tmp_path / "tasks/many/test.jsonl"
    path.write_text(path.read_text() + '{"id": "twin", "text": "TRAIN row  3", "label": "a"}\n')
    prepared = project.prepare(task="many", limit=None)

    assert prepared.seen == {"twin"}


@pytest.mark.parametrize(("asked", "format_"), [(None, "chat"), ("plain", "plain"), ("chat-one-turn", "chat-one-turn")])
def test_the_format_is_the_one_asked_for_or_the_models(project: Any, asked: str | None, format_: str) -> None:
    """A model with a chat template is asked by chat unless something else is said."""
    assert project.prepare(format=asked).format == format_


def test_similar_by_embedding_is_a_method_of_its_own(
    project: Any, tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shots are chosen by the encoder's vectors, the encoder decides the Run folder, and no shot is the query."""
    monkeypatch.setattr(prepare_module, "EMBEDDER", str(tiny_encoder_folder))
    result, folder = project.run(choose="similar-embedding", limit=4)
    usual = project.prepare(choose="similar", limit=4)

    assert result["method"] == "2-shot-similar-embedding"
    assert folder.read_run()["identity"]["embedder"] == prepare_module.resolve(str(tiny_encoder_folder)).sha256
    assert "embedder" not in usual.identity()
    assert all(len(row["shots"]) == 2 and row["id"] not in row["shots"] for row in folder.rows())
