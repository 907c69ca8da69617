from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.data.example import text_key
from promptsci.errors import DataError
from promptsci.pipeline import ClassifierSettings, TuneSettings, classifier_named, prepare_classifier, prepare_tune
from promptsci.pipeline.tune_record import lasting_tune
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root
from promptsci.tune.recipe import FOLDER

CATALOG = Catalog((Path.cwd(), shipped_root()))


@pytest.fixture
def made(project: Any) -> Callable[..., Any]:
    """A function: the prepared tuning of the bundled task, settings of the run and of the tuning given by name."""

    def make(*, run: dict[str, Any] | None = None, catalog: Catalog = CATALOG, **changes: Any) -> Any:
        settings = TuneSettings(project.settings(**{"shots": 0, **(run or {})}), **changes)
        return prepare_tune(settings, catalog)

    return make


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("format_", ["plain", "chat"])
def test_the_ids_trained_on_are_the_ids_scored(made: Callable, project: Any, shots: int, format_: str) -> None:
    """Every lesson is the very query, prompt and choices, that ``run split=train`` scores for the same example."""
    tuning = made(run={"shots": shots, "format": format_})
    prepared = project.prepare(split="train", shots=shots, format=format_, limit=None)
    scored = {question.example.id: question for question in prepared.questioner.questions(prepared.examples)}

    assert len(tuning.lessons) == len(scored) == 180
    for lesson in tuning.lessons:
        question = scored[lesson.id]
        assert np.array_equal(lesson.query.ids, question.query.ids)
        assert lesson.query.choice_ids == question.query.choice_ids
        assert [prepared.task.labels[gold] for gold in lesson.gold] == [question.example.gold]


def test_a_shot_never_gives_the_answer_away(made: Callable) -> None:
    """With shots from the split that is learned from, no lesson has its own text among them."""
    tuning = made(run={"shots": 4})
    questions = tuning.train.questioner.questions(tuning.train.examples)

    assert all(text_key(q.example) not in {text_key(shot) for shot in q.shots} for q in questions)


def test_virtual_tokens_leave_less_room_for_shots(made: Callable) -> None:
    """Prompts of a prefix tuning fit the context that is left beside the prefix, as they do in ``run``."""
    assert made(method="prefix", values={"tokens": "30"}).train.questioner.context == 512 - 30
    assert made().train.questioner.context == 512


def test_balanced_weights_count_each_label_alike(made: Callable) -> None:
    """With class_weights=balanced each label's weights sum to the same, and to one a row on average."""
    tuning = made(values={"class_weights": "balanced"}, train_rows=50)
    sums: Counter[tuple[int, ...]] = Counter()
    for lesson in tuning.lessons:
        sums[lesson.gold] += lesson.weight

    assert max(sums.values()) == pytest.approx(min(sums.values()))
    assert sum(sums.values()) == pytest.approx(len(tuning.lessons)) == 50


def test_validation_is_set_aside_where_there_is_none(made: Callable, project: Any, tmp_path: Path) -> None:
    """Without a validation split a fifth of train is set aside as for a bag of words, and never learned from."""
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": "ab"[n % 4 == 0]} for n in range(80)]
    task = project.write_task(tmp_path / "own", 10)
    (task.parent / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    catalog = Catalog((tmp_path / "own",))
    one, other = (made(run={"task": "many"}, catalog=catalog) for _ in range(2))

    assert one.carved
    assert (len(one.validation), len(one.lessons)) == (16, 64)
    assert {example.id for example in one.validation}.isdisjoint(lesson.id for lesson in one.lessons)
    assert {example.gold for example in one.validation} == {"a", "b"}
    counted = prepare_classifier(ClassifierSettings("many", "tfidf"), catalog, classifier_named("tfidf", one.run.task))
    assert sorted(example.text for example in one.validation) == sorted(counted.lessons.validation.texts)
    assert one.identity() == other.identity()
    assert any("16 rows of train were set aside" in note for note in one.notes)


def test_paths_in_tune_json_hold_from_any_folder(
    made: Callable, project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Task, data, model and recipe that were typed as relative paths are written as absolute ones, as in run.json."""
    task = project.write_task(tmp_path / "own", 10)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text((FOLDER / "lora.yaml").read_text())
    (tmp_path / "model").symlink_to(project.model)
    run = {"task": str(task.relative_to(tmp_path)), "data": "own/tasks/many", "model": "model"}
    stored = lasting_tune(made(run=run, catalog=Catalog((tmp_path / "own",)), recipe="mine.yaml"))

    assert stored["recipe"] == str(recipe)
    assert stored["run"]["task"] == str(task)
    assert stored["run"]["data"] == str(task.parent)
    assert stored["run"]["model"] == str(tmp_path / "model")


def test_another_seed_recipe_or_sample_is_another_tuning(made: Callable) -> None:
    """Whatever decides the weights decides the folder; what only the closing run needs does not."""
    root = Path("runs")
    plain = made().folder(root).path

    assert made(run={"limit": 3}).folder(root).path == plain
    others = [
        made(run={"seed": 1}), made(values={"lr": "1e-3"}), made(train_rows=60), made(method="prefix"),
        made(run={"shots": 2}), made(run={"rule": "batch"}),
    ]  # fmt: skip
    assert len({plain, *(one.folder(root).path for one in others)}) == 7


def test_validation_rows_that_train_has_seen_are_counted(made: Callable, project: Any, tmp_path: Path) -> None:
    """A validation row whose text also stands in train flatters the choice of weights, and that is said."""
    task = project.write_task(tmp_path / "own", 10)
    text = task.read_text().replace("test: test.jsonl", "test: test.jsonl, validation: validation.jsonl")
    task.write_text(text)
    (task.parent / "validation.jsonl").write_text((task.parent / "train.jsonl").read_text())
    notes = made(run={"task": "many"}, catalog=Catalog((tmp_path / "own",))).notes

    assert any("8 of 8 validation rows also stand in train" in note for note in notes)


def test_too_few_rows_to_set_aside_are_an_error(made: Callable, project: Any, tmp_path: Path) -> None:
    """One train row cannot be both learned from and held out."""
    task = project.write_task(tmp_path / "own", 10)
    (task.parent / "train.jsonl").write_text('{"text": "x", "label": "a"}\n')

    with pytest.raises(DataError, match="too few to hold validation rows out of"):
        made(run={"task": "many"}, catalog=Catalog((tmp_path / "own",)))
