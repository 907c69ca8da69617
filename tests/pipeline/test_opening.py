from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.errors import PromptError, TuneError
from promptsci.lm import Scoring, TransformersLM
from promptsci.lm.load import load_model
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import TokenCount
from promptsci.pipeline import TuneSettings, prepare_tune
from promptsci.pipeline.examine import Examination, Examiner, furthest
from promptsci.pipeline.opening import choose_opening
from promptsci.prompt import Encoder, Pool, Questioner, chooser
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root
from promptsci.tune.folder import TuneFolder
from promptsci.tune.methods import make_trainable

SHORT = {"init": "shots", "init_shots": "2", "init_tries": "2"}


@pytest.fixture
def made(project: Any, tmp_path: Path) -> Callable[..., Any]:
    """A function: a prepared tuning of a prefix from shots; values of the recipe and settings of the run by name."""
    task = project.write_task(tmp_path / "own", 10)
    rows = [{"id": f"r{n}", "text": f"{'un' * (n % 3)}likely row {n}", "label": "ab"[n % 2]} for n in range(24)]
    (task.parent / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def make(*, method: str = "prefix", run: dict[str, Any] | None = None, **values: str) -> Any:
        asked = project.settings(**{"task": "many", "shots": 0, "choose": "balanced", **(run or {})})
        return prepare_tune(
            TuneSettings(asked, method, {**SHORT, **values}), Catalog((tmp_path / "own", shipped_root()))
        )

    return make


def few_shot(tuning: Any, opening: Any) -> list[Any]:
    """The queries of the ordinary few-shot prompt with an opening's shots, by the code of ``run``."""
    usual = tuning.run.questioner
    encoder = Encoder(usual.encoder.tokenizer, usual.encoder.format)
    pool = Pool(opening.shots, tuning.run.task.labels)
    shown = chooser("first", pool, len(opening.shots), 0, tuning.run.task)
    asker = Questioner(usual.assembler, encoder, shown, 10_000)
    return [question.query for question in asker.questions(tuning.validation)]


@pytest.mark.parametrize("format_", ["plain", "chat"])
@pytest.mark.parametrize("model", ["tiny_lm_folder", "tiny_gpt2_folder"])
def test_before_any_step_the_prefix_is_the_few_shot_prompt(
    made: Callable, model: str, format_: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every log-likelihood of every row is the few-shot prompt's within 1e-4 nats, in packs and by PEFT's own forward.

    So it is with rotary positions and grouped queries, with learned positions, plain and in chat; noise is nats away.
    """
    folder = request.getfixturevalue(model)
    tuning = made(run={"model": str(folder), "format": format_})
    base = load_model(folder, dtype="float32", trainable=True)
    asked = Examination(tuning.train, tuning.validation[:6], "sum")
    examiner = Examiner([asked], TuneFolder(tmp_path))
    expected = [one.nats for one in sorted(TransformersLM(base, Scoring()).score(few_shot(tuning, tuning.openings[0])))]
    loaded = make_trainable(base, tuning.recipe, 0, tuning.openings[0].ids)
    found = examiner.nats(loaded)
    alone = [one.nats for one in sorted(PlainScorer(loaded, 1, TokenCount()).score(asked.queries))]

    assert furthest(found, expected[:6]) < 1e-4
    assert furthest(alone, expected[:6]) < 1e-4
    noise = make_trainable(load_model(folder, dtype="float32", trainable=True), tuning.recipe, 0)
    assert furthest(examiner.nats(noise), expected[:6]) > 0.1


@pytest.mark.parametrize("format_", ["plain", "chat", "chat-one-turn"])
def test_a_prompt_is_its_opening_and_the_rest(made: Callable, format_: str) -> None:
    """Opening with shots and rest are the ids of the few-shot prompt; bare opening and rest those of zero-shot."""
    tuning = made(run={"format": format_})
    zero = [q.query for q in tuning.run.questioner.questions(tuning.validation)]
    rests = [q.query for q in tuning.train.questioner.questions(tuning.validation)]

    for opening in tuning.openings:
        for whole, bare, rest in zip(few_shot(tuning, opening), zero, rests, strict=True):
            assert np.array_equal(whole.ids, [*opening.ids, *rest.ids])
            assert np.array_equal(bare.ids, [*opening.bare, *rest.ids])
            assert whole.choice_ids == rest.choice_ids
            assert len(rest.ids) < len(bare.ids)


def test_the_best_on_validation_is_chosen_once(made: Callable, tiny_lm_folder: Path, tmp_path: Path) -> None:
    """Every seed is judged by the few-shot prompt's own scores; the choice is kept; shown rows are not learned from."""
    tuning = made()
    loaded = load_model(tiny_lm_folder, dtype="float32", trainable=True)
    folder = TuneFolder(tmp_path)
    asked = Examination(tuning.train, tuning.validation, "sum")
    examiner = Examiner([asked], folder)
    mains = []
    for opening in tuning.openings:
        mains.append(asked.main(loaded, few_shot(tuning, opening)))
    chosen = choose_opening(tuning, loaded, examiner, folder, first=True)
    told = folder.read_opening()

    assert len(tuning.openings) == 2
    assert [one["main"] for one in told["tried"]] == mains
    assert chosen.openings[0] == tuning.openings[mains.index(max(mains))]
    assert len(chosen.lessons) == len(tuning.lessons) - 2
    assert {shot.id for shot in chosen.openings[0].shots}.isdisjoint(lesson.id for lesson in chosen.lessons)
    folder.write_opening({**told, "seed": tuning.openings[mains.index(min(mains))].seed})
    again = choose_opening(tuning, loaded, examiner, folder, first=True)
    assert again.openings[0].seed == folder.read_opening()["seed"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "lora"}, "says where a prefix begins"),
        ({"run": {"shots": 2}}, "stand in the prefix, not in the prompt"),
        ({"run": {"choose": "similar"}}, "differ from query to query"),
        ({"run": {"task": "citation-intent"}, "init_shots": "20"}, "the model has room for 511"),
    ],
)
def test_beginnings_that_cannot_be_are_refused(made: Callable, changes: dict, said: str) -> None:
    """What cannot be meant is said before a model is loaded."""
    with pytest.raises(TuneError, match=said):
        made(**changes)


def test_more_shots_than_rows_name_the_value(made: Callable) -> None:
    """Too few rows to show say which value to change."""
    with pytest.raises(PromptError) as caught:
        made(init_shots="50")
    assert "init_shots" in str(caught.value.fix)


def test_another_wording_is_not_read_behind_the_prefix(made: Callable) -> None:
    """A prompt that begins otherwise than what the prefix stands for is an error, not a silent misreading."""
    tuning = made()
    usual = tuning.run.questioner.encoder
    encoder = Encoder(usual.tokenizer, usual.format, (1, 2, 3))

    with pytest.raises(PromptError, match="stands for another beginning"):
        encoder.encode([tuning.run.questioner.assembler.prompt(tuning.validation[0])])
