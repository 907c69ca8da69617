from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import Interrupted, RunError, SpecError
from promptsci.pipeline import LMs, reproduce
from promptsci.score import best_thresholds, labels_said, position_bias
from promptsci.spec import FORMS, Catalog


def oracle(prepared: Any) -> Callable[[str], str]:
    """A script that writes the right answer behind every prompt of a run, and then goes on."""
    questions = prepared.questioner.questions(prepared.examples)
    target = prepared.questioner.assembler.target
    answers = {each.query.text: f" {target(each.example)}\n\nand so on" for each in questions}
    return answers.__getitem__


def test_the_docs_have_an_example_of_every_form(examples: dict) -> None:
    """Each form of answer is shown in docs/kinds.md with a task, a template and data."""
    keys = {re.search(rf"^({'|'.join(FORMS)}):", parts["yaml"], re.MULTILINE)[1] for parts in examples.values()}

    assert keys == set(FORMS)
    assert all({"yaml", "jinja"} < set(parts) for parts in examples.values())


@pytest.mark.parametrize("shots", [0, 1])
def test_every_example_of_the_docs_runs(project: Any, write_example: Callable, title: str, shots: int) -> None:
    """Each kind runs end to end from the files that the docs show, and its main metric is the first of its form."""
    name = write_example(title)
    prepared = project.prepare(task=name, limit=None, shots=shots, choose="random")
    script = oracle(prepared) if prepared.writing else None
    result, folder = project.run(project.LM(script=script), task=name, limit=None, shots=shots, choose="random")

    assert result["main"] == prepared.task.answers.metrics[0]
    assert [row["id"] for row in folder.rows()] == [example.id for example in prepared.examples]
    assert all(row["prompt_tokens"] > 0 and len(row["shots"]) == shots for row in folder.rows())
    assert {"value", "low", "high"} == set(result["metrics"][result["main"]])


def test_the_right_answer_scores_full_marks(project: Any, write_example: Callable, written_title: str) -> None:
    """What the program writes into shots it reads back as right: an oracle that writes targets has full marks."""
    name = write_example(written_title)
    script = oracle(project.prepare(task=name, limit=None, shots=0))
    result, folder = project.run(project.LM(script=script), task=name, limit=None, shots=0)
    metrics = {key: each["value"] for key, each in result["metrics"].items()}
    errors = {key: metrics.pop(key) for key in ("mae", "mse", "rmse") if key in metrics}

    # macro averages count 0 for a class that no row has, and a number is rounded to its decimals
    assert metrics.pop("pearson", 1) == pytest.approx(1, abs=1e-3)
    assert {key: value for key, value in metrics.items() if value != pytest.approx(1) and "macro" not in key} == {}
    assert all(value <= 0.05 for value in errors.values())
    assert result["invalid"] == 0
    assert all("and so on" not in row["text"] and "label" not in row for row in folder.rows())


def test_an_answer_that_cannot_be_read_is_invalid_and_wrong(
    project: Any, write_example: Callable, written_title: str
) -> None:
    """Nothing but white space is no answer: it is counted, kept in the denominator, and never right."""
    name = write_example(written_title)
    result, folder = project.run(project.LM(script=lambda _: " \n\n"), task=name, limit=None, shots=0)

    assert result["invalid"] == result["n"] == len(list(folder.rows()))
    assert all(row["answer"] is None for row in folder.rows())
    assert result["metrics"][result["main"]]["value"] <= 0


def test_a_written_run_goes_on_as_if_it_had_not_stopped(
    project: Any, tmp_path: Path, write_example: Callable, written_title: str
) -> None:
    """Stopped after any answer, a written run ends in the same bytes; reproduce finds them identical."""
    name = write_example(written_title)
    asked = {"task": name, "limit": None, "shots": 1, "choose": "random"}
    script = oracle(project.prepare(**asked))
    _, whole = project.at(tmp_path / "whole").run(project.LM(script=script, backwards=True), **asked)
    with pytest.raises(Interrupted):
        project.run(project.LM(1, script=script), **asked)
    _, resumed = project.run(project.LM(script=script), **asked)

    assert resumed.predictions_path.read_bytes() == whole.predictions_path.read_bytes()
    again = reproduce(resumed, LMs(lambda _model, _settings: project.LM(script=script)), Catalog((tmp_path,)))
    assert again.identical
    assert again.same_decisions


def test_a_scale_of_numbers_is_scored(project: Any, examples: dict, write_example: Callable) -> None:
    """With numbers in the front matter the prediction is their expectation, and shots show the nearest of them."""
    jinja = examples["regression"]["jinja"].replace('stop: ["\\n"]\nmax_tokens: 8', "numbers: [0, 2.5, 5]")
    name = write_example("regression", jinja=jinja)
    prepared = project.prepare(task=name, limit=None, shots=0)
    result, folder = project.run(task=name, limit=None, shots=0)

    assert prepared.writing is None
    assert [prepared.questioner.assembler.target(each) for each in prepared.examples] == ["5.0", "0.0", "2.5"]
    for row in folder.rows():
        assert list(row["nats"]) == ["0.0", "2.5", "5.0"]
        assert 0 < row["label"] < 5
    assert result["metrics"]["mae"]["value"] == pytest.approx(
        sum(abs(row["label"] - row["gold"]) for row in folder.rows()) / 3
    )


def test_options_are_scored_by_letter_and_counted_by_position(project: Any, write_example: Callable) -> None:
    """Rows may have different numbers of options; the decision is a letter that the row has."""
    name = write_example("multiple-choice")
    result, folder = project.run(task=name, limit=None, shots=0, rule="sum")

    assert [list(row["nats"]) for row in folder.rows()] == [["A", "B"], ["A", "B", "C"]]
    assert all(row["label"] == max(row["nats"], key=lambda each: sum(row["nats"][each])) for row in folder.rows())
    assert list(result["metrics"]) == ["accuracy"]
    assert set(result["rules"]) == {"sum", "mean", "pmi"}
    assert result["confusion"]["labels"] == ["A", "B", "C"]


def test_a_ranking_orders_candidates_by_the_probability_of_yes(project: Any, write_example: Callable) -> None:
    """Rows are pairs and say what the judgement needs; queries are judged, and no shot belongs to the row's query."""
    name = write_example("ranking")
    result, folder = project.run(task=name, limit=None, shots=1, choose="random")
    found = list(folder.rows())

    assert [row["id"] for row in found] == ["q1/d1", "q1/d3", "q2/d2", "q2/d3"]
    assert [row["gold"] for row in found] == ["yes", "no", "yes", "no"]
    assert all(shot.partition("/")[0] != row["query"] for row in found for shot in row["shots"])
    assert (result["n"], result["details"]["bm25_ndcg@10"], result["details"]["bm25_recall@10"]) == (2, 1.0, 1.0)

    def surplus(row: dict[str, Any]) -> float:
        return sum(row["nats"]["yes"]) - sum(row["nats"]["no"])

    wins = [surplus(found[at]) > surplus(found[at + 1]) for at in (0, 2)]
    assert result["metrics"]["mrr"]["value"] == sum(1.0 if won else 0.5 for won in wins) / 2


def test_a_limit_takes_whole_queries(project: Any, write_example: Callable) -> None:
    """A ranking of one query has all its candidates."""
    prepared = project.prepare(task=write_example("ranking"), limit=1, shots=0)

    assert len(prepared.examples) == 2
    assert len({example.known["query"] for example in prepared.examples}) == 1


def test_options_in_another_order_are_another_run(project: Any, write_example: Callable) -> None:
    """The prompt lists them in the order that the row says, and the right letter moves with its option."""
    name = write_example("multiple-choice")
    asked = {"task": name, "limit": None, "shots": 0, "rule": "sum"}
    plain, first = project.run(**asked)
    other, folder = project.run(**asked, option_order=2)
    prepared = project.prepare(**asked, option_order=2)
    by_id = {row["id"]: row for row in first.rows()}

    assert other["run_dir"] != plain["run_dir"]
    for row, example in zip(folder.rows(), prepared.examples, strict=True):
        assert row["order"]["ABC".index(row["gold"])] == by_id[row["id"]]["gold"]
        prompt = prepared.questioner.assembler.query(example)
        assert [line[3:] for line in prompt.splitlines() if line[1:3] == ". "] == example.fields["choices"]
    assert position_bias([list(first.rows()), list(folder.rows())])["n"] == 2


def test_orders_are_for_options_only(project: Any, write_example: Callable) -> None:
    """A task whose rows have no options says so before anything is loaded."""
    with pytest.raises(SpecError, match="have no options whose order could change"):
        project.prepare(task=write_example("classification"), limit=None, shots=0, option_order=1)


def test_each_label_is_asked_by_itself(project: Any, write_example: Callable, tmp_path: Path) -> None:
    """Yes and no of each label are scored behind one prompt; thresholds of a run on other rows decide again."""
    name = write_example("multilabel: each label by itself")
    task = tmp_path / "tasks" / name / "task.yaml"
    task.write_text(task.read_text().replace("{train:", "{validation: train.jsonl, train:"))
    asked = {"task": name, "limit": None, "shots": 1, "choose": "random"}
    held, held_folder = project.run(**asked, split="validation")
    plain, folder = project.run(**asked)
    tuned, again = project.run(**asked, thresholds=str(held_folder.path))
    labels = ["biology", "physics", "statistics"]
    rows = list(again.rows())

    assert list(rows[0]["nats"]) == [f"{label}: {said}" for label in labels for said in ("yes", "no")]
    assert project.prepare(**asked).questioner.assembler.target(project.prepare(**asked).examples[0]) == (
        "Is it about biology? yes\nIs it about physics? yes\nIs it about statistics? no"
    )
    assert again.path == folder.path
    assert tuned["thresholds"] == best_thresholds(held_folder.rows(), labels)
    assert "thresholds" not in plain
    assert [row["label"] for row in rows] == [labels_said(row["nats"], labels, tuned["thresholds"]) for row in rows]
    assert held["metrics"].keys() == {"micro_f1", "macro_f1", "instance_f1", "exact_match"}
    with pytest.raises(RunError, match="must not be tuned on them"):
        project.prepare(**asked, thresholds=str(folder.path))


@pytest.mark.parametrize("target", ["{{ label }}", "{{ choice }}", "{{ label }} {{ answer }}"])
def test_half_a_question_about_a_label_is_refused(
    project: Any, examples: dict, write_example: Callable, target: str
) -> None:
    """A target block names the label and says yes or no, or it writes the list; nothing in between."""
    title = "multilabel: each label by itself"
    jinja = examples[title]["jinja"].replace("Is it about {{ label }}? {{ choice }}", target)
    name = write_example(title, jinja=jinja)
    with pytest.raises(SpecError, match="cannot use"):
        project.prepare(task=name, limit=None, shots=0)
