"""What runs answered, read again from their folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from promptsci.compare import read_candidate
from promptsci.report.page import page, read_answers
from promptsci.score import judged
from promptsci.score.judged import READERS


def test_runs_may_list_their_labels_in_any_order(own_study: Any) -> None:
    """Answers of a Run whose labels stand in another order are the same words."""
    run = own_study.candidates[-1]
    run.folder.write_run({**run.record, "labels": list(reversed(run.record["labels"]))})
    before = read_answers(own_study.compare(), own_study.candidates)
    own_study.candidates[-1] = read_candidate(run.folder)
    after = read_answers(own_study.compare(), own_study.candidates)
    expected = [row["label"] for row in run.folder.rows()]

    for answers in (before, after):
        (lora,) = answers.methods["lora"]
        assert [answers.words[place] for place in lora.answer] == expected


def test_rows_in_another_order_are_the_same_rows(own_study: Any) -> None:
    """Predictions in another order on disk give the same answers for the same ids."""
    before = read_answers(own_study.compare(), own_study.candidates)
    path = own_study.candidates[-1].folder.predictions_path
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    own_study.candidates[-1] = read_candidate(own_study.candidates[-1].folder)
    after = read_answers(own_study.compare(), own_study.candidates)

    assert after.ids == before.ids
    assert (after.methods["lora"][0].answer == before.methods["lora"][0].answer).all()


def test_free_answers_are_words(make_study: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are no labels (spans, texts, numbers) stand as they are stored, without matrices or curves."""
    monkeypatch.setitem(READERS, "extraction", READERS["classification"])
    study = make_study(n=4)
    run = study.run("zero-shot", 1.0, kind="extraction")
    rows = [{**row, "answer": [[0, at, "Disease"]]} for at, row in enumerate(run.folder.rows())]
    for row in rows:
        del row["label"]
    run.folder.predictions_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    study.candidates = [replace(run, judged=replace(judged(run.folder), right=None))]
    answers = read_answers(study.compare(), study.candidates)
    html = page(study.compare(), study.candidates)

    (found,) = answers.methods["zero-shot"]
    assert [json.loads(answers.words[place]) for place in found.answer] == [row["answer"] for row in rows]
    assert [answers.words[place] for place in answers.gold] == [row["gold"] for row in rows]
    assert answers.labels == 0
    assert 'class="confusion"' not in html
    assert 'id="calibration"' not in html
