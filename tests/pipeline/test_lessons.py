from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.errors import TuneError
from promptsci.pipeline import LMs, TuneSettings, load_transformers, prepare, prepare_tune
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.tune import tune
from promptsci.spec import Catalog

SCALE = """---
about: A scale.
numbers: [0, 2.5, 5]
---
{% block instruction %}How similar?{% endblock %}
{% block input %}{{ first }} {{ second }}{% endblock %}
{% block target %}{{ answer }}{% endblock %}
"""


@pytest.fixture
def made(project: Any, tmp_path: Path, write_example: Callable) -> Callable[..., Any]:
    """A function: the prepared tuning of an example of the docs, each of whose train rows stands there four times."""

    def make(title: str, *, shots: int = 0, format_: str = "plain", jinja: str | None = None, **values: str) -> Any:
        name = write_example(title, **({"jinja": jinja} if jinja else {}))
        folder = tmp_path / "tasks" / name
        if title == "ranking":
            (folder / "train.jsonl").write_text((folder / "qrels.jsonl").read_text())
            text = (folder / "task.yaml").read_text()
            (folder / "task.yaml").write_text(
                text.replace("test: qrels.jsonl", "train: train.jsonl, test: qrels.jsonl")
            )
        else:
            rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
            again = [{**row, "id": f"{row['id']}-{n}"} for n in range(4) for row in rows]
            (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in again))
        run = project.settings(task=name, shots=shots, format=format_, limit=None, choose="random", dtype="float32")
        return prepare_tune(TuneSettings(run, values=values, validation="test"), Catalog((tmp_path,)))

    return make


@pytest.mark.parametrize("shots", [0, 1])
@pytest.mark.parametrize("format_", ["plain", "chat"])
def test_what_is_learned_is_what_run_asks(made: Callable, title: str, format_: str, shots: int) -> None:
    """Of every kind, a lesson has the prompt ids that ``run`` scores or writes behind, and the right answer."""
    tuning = made(title, format_=format_, shots=shots)
    train = tuning.train
    questions = {each.example.id: each for each in train.questioner.questions(train.examples)}
    tokenizer = train.questioner.encoder.tokenizer

    assert tuning.lessons
    for lesson in tuning.lessons:
        question = questions[lesson.id]
        right = train.questioner.assembler.target(question.example)
        assert np.array_equal(lesson.query.ids, question.query.ids)
        if train.writing is None:
            assert lesson.query.choice_ids == question.query.choice_ids
            assert "\n".join(lesson.query.choices[gold] for gold in lesson.gold) == right
        else:
            (ids,) = lesson.query.choice_ids
            assert (tokenizer.decode(ids[:-1]).strip(), ids[-1]) == (right, 1)
            assert tuning.recipe.objective == "lm"
            assert train.questioner.assembler.read(tokenizer.decode(ids[:-1]), question.example) is not None


def test_each_label_is_a_group_of_yes_and_no(made: Callable) -> None:
    """Where labels are asked by themselves, a lesson has a right choice for each, in the order of the labels."""
    lesson, *_ = made("multilabel: each label by itself").lessons
    right = [lesson.query.choices[gold].rpartition(" ")[2] for gold in lesson.gold]

    assert len(lesson.query.choices) == 6
    assert [
        f"Is it about {label}? {said}" for label, said in zip(("biology", "physics", "statistics"), right, strict=True)
    ] == [lesson.query.choices[gold] for gold in lesson.gold]


def test_a_scale_teaches_the_nearest_number(made: Callable) -> None:
    """Where numbers are scored, the right choice is the nearest of the scale."""
    tuning = made("regression", jinja=SCALE)
    golds = {example.id: example.gold for example in tuning.train.examples}
    scale = [0.0, 2.5, 5.0]

    for lesson in tuning.lessons:
        assert lesson.gold == (min(range(3), key=lambda at: abs(scale[at] - golds[lesson.id])),)


def write_judgements(folder: Path, n_queries: int, n_documents: int) -> None:
    """A ranking whose queries each have two relevant documents."""
    documents = [{"id": f"d{i}", "title": "", "text": f"bees and ants, number {i}"} for i in range(n_documents)]
    queries = [{"id": f"q{i}", "text": f"bees {i}"} for i in range(n_queries)]
    judged = [{"query_id": f"q{i}", "doc_id": f"d{(i + j) % n_documents}", "relevance": 1}
              for i in range(n_queries) for j in range(2)]  # fmt: skip
    for name, rows in (("corpus", documents), ("queries", queries), ("train", judged), ("qrels", judged)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def ranking(project: Any, tmp_path: Path, write_example: Callable) -> Callable[..., Any]:
    """A function: the prepared tuning of a ranking with ten queries, all of whose twelve documents are candidates."""
    name = write_example("ranking")
    task = tmp_path / "tasks" / name
    write_judgements(task, 10, 12)
    text = (task / "task.yaml").read_text().replace("candidates: 2", "candidates: 12")
    (task / "task.yaml").write_text(text.replace("test: qrels.jsonl", "train: train.jsonl, test: qrels.jsonl"))

    def make(seed: int = 0, **values: str) -> Any:
        run = project.settings(task=name, shots=0, limit=None, seed=seed, dtype="float32")
        return prepare_tune(TuneSettings(run, values=values), Catalog((tmp_path,)))

    return make


def test_negatives_are_drawn_among_the_candidates(ranking: Callable) -> None:
    """Each query has its relevant candidates and so many others for each, by the seed; queries are held out whole."""
    one, again, other = ranking(negatives="3"), ranking(negatives="3"), ranking(seed=1, negatives="3")
    gold = {example.id: example.gold for example in one.train.examples}
    by_query: dict[str, list[str]] = {}
    for lesson in one.lessons:
        by_query.setdefault(lesson.id.partition("/")[0], []).append(gold[lesson.id])

    assert all(sorted(golds) == ["no"] * 6 + ["yes"] * 2 for golds in by_query.values())
    assert [lesson.id for lesson in one.lessons] == [lesson.id for lesson in again.lessons]
    assert {lesson.id for lesson in one.lessons} != {lesson.id for lesson in other.lessons}
    held = {example.group for example in one.validation}
    assert held.isdisjoint(by_query)
    assert len(held) + len(by_query) == 10
    assert len(one.validation) == 12 * len(held)
    n = len(by_query)
    said = f"{2 * n} relevant candidates of the first stage and {6 * n} that are not"
    assert any(said in note for note in one.notes)


def test_pairs_hold_documents_of_one_query_against_each_other(ranking: Callable) -> None:
    """With objective=pairs a lesson is a relevant document and others of its query that are not."""
    tuning = ranking(objective="pairs", negatives="3")
    prompts = {each.query.ids.tobytes(): each.example
               for each in tuning.train.questioner.questions(tuning.train.examples)}  # fmt: skip

    assert tuning.lessons
    for lesson in tuning.lessons:
        first, *others = (prompts[query.ids.tobytes()] for query in (lesson.query, *lesson.others))
        assert (first.gold, len(others), {each.gold for each in others}) == ("yes", 3, {"no"})
        assert {each.group for each in others} == {first.group}


@pytest.mark.parametrize(
    ("title", "values", "said"),
    [
        ("extraction: spans", {"objective": "choice"}, "there are no choices for objective=choice"),
        ("classification", {"objective": "pairs"}, "documents of one query"),
        ("generation: texts", {"class_weights": "balanced"}, "counts rows by their one label"),
        ("ranking", {"objective": "pairs", "smoothing": "0.1"}, "smoothing goes to the other choices"),
    ],
)
def test_objectives_that_do_not_fit_are_refused(made: Callable, title: str, values: dict[str, str], said: str) -> None:
    """An objective that the answers cannot be learned by ends before a model is loaded."""
    with pytest.raises(TuneError, match=said):
        made(title, **values)


@pytest.mark.parametrize(
    ("title", "changes"),
    [
        ("extraction: spans", {}),
        ("regression", {"jinja": SCALE}),
        ("multiple-choice", {}),
        ("multilabel: each label by itself", {"examine": "loss"}),
        ("ranking", {"objective": "pairs", "negatives": "1"}),
    ],
)
def test_other_kinds_are_tuned_to_the_end(
    made: Callable, project: Any, tmp_path: Path, title: str, changes: dict[str, str]
) -> None:
    """Training ends with weights that score from disk as in memory, and with a run of the adapter like any other."""
    tuning = made(title, epochs="2", batch="2", lr="3e-2", rank="4", **changes)
    result = tune(tuning, Stage(tmp_path / "runs", LMs(load_transformers)))
    assert result is not None
    base, tuned = result["runs"][-2:]
    examined = [one for one in result["log"] if "eval_main" in one]

    assert (base["method"], tuned["method"]) == ("zero-shot", "lora")
    assert result["checks"]["reload_nats"] <= 1e-5 < result["checks"]["base_nats"]
    assert len(examined) == 2
    assert min(one["eval_lm_loss"] for one in examined) < result["checks"]["lm_loss"]
    if "examine" in changes:
        assert all(one["eval_main"] == -one["eval_choice_loss"] for one in examined)
    again = prepare(project.settings(task=tuning.run.task.name, shots=0, limit=None, dtype="float32",
                                     adapter=result["weights"]), tuning.run.catalog)  # fmt: skip
    assert again.rule == tuned["rule"] == tuning.rule
