from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promptsci.data import stratified
from promptsci.errors import DataError, TuneError
from promptsci.lm import AdapterFolder
from promptsci.pipeline import TuneSettings, prepare_tune
from promptsci.pipeline.chain import chain_of, earlier, link_of
from promptsci.pipeline.fresh import fresh_rows
from promptsci.pipeline.prepare import prepare
from promptsci.pipeline.subject import TaskSettings, share_of
from promptsci.spec import Catalog
from promptsci.tune.recipe import recipe_for


@pytest.fixture
def catalog(project: Any, tmp_path: Path) -> Catalog:
    """Two tasks of the same form, ``many`` and ``more``, with forty train rows and ten test rows each."""
    for name in ("many", "more"):
        task = project.write_task(tmp_path / name, 10)
        write_rows(task.parent / "train.jsonl", [(f"{name} train row {n}", "ab"[n % 4 == 0]) for n in range(40)])
        write_rows(task.parent / "test.jsonl", [(f"{name} test row {n}", "ab"[n % 2]) for n in range(10)])
        task.write_text(task.read_text().replace("name: many", f"name: {name}"))
        for folder in ("tasks", "templates"):
            (tmp_path / "own" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / folder / "many").rename(tmp_path / "own" / folder / name)
    return Catalog((tmp_path / "own",))


def write_rows(path: Path, rows: list[tuple[str, str]]) -> None:
    """Rows of texts and labels, without ids of their own."""
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))


@pytest.fixture
def tuned(project: Any, catalog: Catalog) -> Callable[..., Any]:
    """A function: task -> a prepared tuning."""

    def make(task: str, **changes: Any) -> Any:
        run = project.settings(task=task, shots=0, limit=None)
        return prepare_tune(TuneSettings(run, **changes), catalog)

    return make


def after(first: Any, second: Any, **values: str) -> Any:
    """What the second tuning keeps of the first one's task."""
    recipe = recipe_for("lora", 0, {"keep": "replay", **values})
    link = link_of("one", Path("nowhere"), None, first.subjects)
    return earlier([link], [(link.tasks[0], first.run)], second.subjects, recipe, 0)


def test_kept_rows_are_the_stated_sample(tuned: Callable) -> None:
    """``replay=0.25`` keeps a quarter of the rows that were learned from, stratified by the seed, and no other row."""
    first, second = tuned("many"), tuned("more")
    (kept,) = after(first, second, replay="0.25").subjects

    assert kept.rows == tuple(stratified(first.rows, 8, 0))
    assert len(first.rows) == 32
    assert [lesson.id for lesson in kept.lessons] == [f"many/{row.id}" for row in kept.rows]
    held = {row.id for row in first.validation} | {row.id for row in first.run.examples}
    assert held.isdisjoint(row.id for row in kept.rows)
    assert not after(first, second, keep="none").lessons


def test_rows_that_are_judged_or_learned_anyway_are_not_kept(tuned: Callable, tmp_path: Path) -> None:
    """A train row of an earlier task whose text any task scores is never kept, nor is one that is learned again."""
    path = tmp_path / "own" / "tasks" / "more" / "test.jsonl"
    first = tuned("many")
    taken = first.rows[3]
    path.write_text(path.read_text() + json.dumps({"text": taken.fields["text"].upper(), "label": "a"}) + "\n")
    found = after(first, tuned("more"), replay="1")

    assert {row.id for row in first.rows} - {row.id for row in found.subjects[0].rows} == {taken.id}
    assert any("1 train rows of many are never kept" in note for note in found.notes)
    again = after(first, first, replay="1")
    assert not again.lessons
    assert again.left == ()


@pytest.mark.parametrize(("share", "n"), [(0.2, 2), (0.7, 7), (0.01, 1), (1.0, 10)])
def test_a_share_is_rounded_up(tuned: Callable, share: float, n: int) -> None:
    """A fifth of ten rows are two and seven tenths seven; the smallest share keeps a row."""
    assert len(share_of(tuned("many").rows[:10], share, 0)) == n


def test_one_task_alone_is_the_tuning_it_always_was(tuned: Callable) -> None:
    """What several tasks add to recipe and identity is not there where there is one: folders keep their names."""
    one = tuned("many")

    assert not {"also", "after", "new"} & one.identity().keys()
    assert not {"mix", "keep", "replay", "ewc", "distill", "temperature"} & one.identity()["recipe"].keys()
    assert one.identity() == replace(one, recipe=one.recipe.model_copy(update={"ewc": 5.0, "mix": "rows"})).identity()


def test_several_tasks_are_told_apart(tuned: Callable, project: Any) -> None:
    """Lessons are those of each task alone but for their names and shares; other shares are another tuning."""
    alone = [tuned(task) for task in ("many", "more")]
    also = (project.settings(task="more", shots=0, limit=None),)
    joint = tuned("many", also=also)

    expected = [(f"{one.title}/{lesson.id}", one.title, lesson.gold) for one in alone for lesson in one.lessons]
    assert [(lesson.id, lesson.share, lesson.gold) for lesson in joint.lessons] == expected
    assert joint.title == "many+more"
    assert len(joint.validation) == sum(len(one.validation) for one in alone)
    by_rows = tuned("many", also=also, values={"mix": "rows"})
    assert {lesson.share for lesson in by_rows.lessons} == {""}
    assert len({str(one.folder(Path("runs")).path) for one in (joint, by_rows, *alone)}) == 4


def test_a_chain_is_read_from_the_card_or_the_record(tuned: Callable, tmp_path: Path) -> None:
    """What a card says comes back as it was; an older adapter is known by tune.json; one without either is refused."""
    first = tuned("many")
    link = link_of(first.name, tmp_path / "adapter", None, first.subjects)
    written = json.loads(json.dumps({"chain": [link.to_json()]}))
    folder = AdapterFolder("x", tmp_path / "adapter", "ab" * 32, "lora", 0, written)

    assert chain_of(folder) == (replace(link, weights=str(tmp_path / "adapter"), sha256="ab" * 32),)
    settings = {
        "run": {**link.to_json()["tasks"][0]["run"], "unknown": 1},
        "train": "train",
        "train_rows": 7,
        "method": "lora",
    }
    (tmp_path / "tune.json").write_text(json.dumps({"settings": settings, "task": "many"}))
    (old,) = chain_of(replace(folder, card={}))
    assert old.tasks == (TaskSettings(link.tasks[0].run, train_rows=7),)
    (tmp_path / "tune.json").unlink()
    with pytest.raises(TuneError, match="it is not known what this adapter was tuned on"):
        chain_of(replace(folder, card={}))


def test_new_rows_never_are_those_that_judge(tuned: Callable, tmp_path: Path, catalog: Catalog) -> None:
    """New rows with the text of a test or validation row, without a label, or that repeat one are left out, counted."""
    first = tuned("many")
    path = tmp_path / "new.jsonl"
    texts = ["Many  TEST row 3", first.validation[0].fields["text"], "fresh 1", "fresh 2", "Fresh 1"]
    rows = [{"text": text, "label": "a"} for text in texts] + [{"text": "fresh 3", "label": None}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = fresh_rows(str(path), first.run, first.validation)

    assert [row.fields["text"] for row in found.rows] == ["fresh 1", "fresh 2"]
    assert found.left_out == {
        "stand in test": 1, "stand among the validation rows": 1, "have no label": 1, "repeat another": 1,
    }  # fmt: skip
    assert all(row.id.startswith(f"new-{found.sha256[:8]}-") for row in found.rows)
    assert len(found.notes) == 4
    write_rows(path, [("many test row 1", "a")])
    with pytest.raises(DataError, match="no new row may be learned from: 1 stand in test"):
        fresh_rows(str(path), first.run, first.validation)


def test_an_id_of_a_test_row_is_enough(tuned: Callable, tmp_path: Path, project: Any, catalog: Catalog) -> None:
    """A new row with a test row's own id is left out whatever its text; ids that were made up say nothing."""
    test = tmp_path / "own" / "tasks" / "many" / "test.jsonl"
    test.write_text("".join(json.dumps({"id": f"doc{n}", "text": f"text {n}", "label": "a"}) + "\n" for n in range(3)))
    run = prepare(project.settings(task="many", shots=0, limit=None), catalog)
    path = tmp_path / "new.jsonl"
    rows = [
        {"id": "doc1", "text": "the same document, corrected", "label": "a"},
        {"id": "d9", "text": "x", "label": "b"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert fresh_rows(str(path), run, ()).left_out["stand in test"] == 1
    write_rows(path, [("a", "a"), ("b", "b")])
    assert len(fresh_rows(str(path), run, ()).rows) == 2
