from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.errors import SpecError
from promptsci.explain import Odds
from promptsci.pipeline import AugmentSettings, LMs, augment, write_made
from promptsci.pipeline.augment import DOUBTED, check_augmentation


def made(project: Any, asked: AugmentSettings, script: Any = None) -> tuple[Any, Any, Any]:
    """(Prepared, its rows, what was made of them) with a scripted LM."""
    prepared = project.prepare(split="train", shots=0)
    rows = [example for example in prepared.examples if example.gold is not None]
    lm = type(project).LM(script=script)
    return prepared, rows, augment(prepared, rows, asked, LMs(lambda *_: lm), lambda _n: None)


def test_every_row_that_was_to_be_made_is_kept_or_counted(project: Any) -> None:
    """Parents times turns is the sum of the tally; kept rows stand in the order of their parents."""
    _, rows, found = made(project, AugmentSettings(("edits",), times=3, doubt=0.5))

    tally = found.tallies["edits"]
    assert sum(tally.values()) == 3 * len(rows)
    assert tally["kept"] == len(found.made)
    assert tally[DOUBTED] > 0
    order = [example.id for example in rows]
    places = [order.index(one.parent) for one in found.made]
    assert places == sorted(places)
    golds = {example.id: example.gold for example in rows}
    assert all(one.example.gold == golds[one.parent] for one in found.made)


def test_a_label_is_doubted_when_its_log_odds_fall(project: Any) -> None:
    """What is kept is what one-by-one scoring leaves within the margin of the parent, and nothing else."""
    prepared, rows, everything = made(project, AugmentSettings(("edits",), doubt=1e9))
    _, _, found = made(project, AugmentSettings(("edits",), doubt=1.0))
    lm, odds = type(project).LM(), Odds("sum", np.zeros(len(prepared.task.labels)))

    def log_odds(example: Any) -> float:
        (question,) = prepared.questioner.questions([example])
        (scored,) = lm.score([question.query])
        return odds.of(scored.nats, prepared.task.labels.index(example.gold))

    parents = {example.id: log_odds(example) for example in rows}
    believed = [one for one in everything.made if log_odds(one.example) >= parents[one.parent] - 1.0]
    assert 0 < len(believed) < len(everything.made)
    assert list(found.made) == believed


def test_paraphrases_come_from_the_model_and_cut_ones_do_not_count(project: Any) -> None:
    """A finished answer becomes a row; one that the limit cut off is no change, and is counted so."""
    settings = AugmentSettings(("paraphrase",), doubt=1e9)

    _, rows, whole = made(project, settings, lambda prompt: f"Put otherwise, {prompt[-60:-12]!r}\n")
    _, _, cut = made(project, settings, lambda _prompt: "no line ends here")

    assert whole.tallies["paraphrase"]["kept"] == len(rows)
    assert all(one.example.fields["text"].startswith("Put otherwise") for one in whole.made)
    assert set(cut.tallies["paraphrase"]) <= {"kept", "repeats a text"}


def test_a_text_of_the_test_split_is_never_made(project: Any) -> None:
    """A model that writes test rows makes nothing."""
    test = project.prepare(split="test", shots=0, limit=None).examples
    _, rows, found = made(project, AugmentSettings(("paraphrase",)), lambda _p: f"{test[0].fields['text'].upper()}\n")

    assert found.made == ()
    assert found.tallies["paraphrase"] == {"repeats a text of another split": len(rows)}


def test_made_rows_are_written_in_the_columns_of_the_data(project: Any, tmp_path: Path) -> None:
    """Each line names its parent and how it was made, and can be read as data of the task."""
    prepared, _, found = made(project, AugmentSettings(("edits",), doubt=1e9))

    write_made(tmp_path / "made.jsonl", prepared, found.made)

    lines = [json.loads(line) for line in (tmp_path / "made.jsonl").read_text().splitlines()]
    assert [(line["id"], line["parent"], line["how"]) for line in lines] == [
        (one.example.id, one.parent, one.how) for one in found.made
    ]
    assert Counter(line["label"] for line in lines) == Counter(one.example.gold for one in found.made)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        (AugmentSettings(("edit",)), "Did you mean 'edits'"),
        (AugmentSettings(()), "no way"),
        (AugmentSettings(("backtranslate",)), "--through"),
    ],
)
def test_what_cannot_be_made_is_refused_before_a_model_loads(asked: AugmentSettings, match: str, project: Any) -> None:
    """An unknown way, none, or no pair of translation models."""
    with pytest.raises(SpecError, match=match):
        check_augmentation(asked, project.prepare(split="train", shots=0).task)
