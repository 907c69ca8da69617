"""The story of ``augment``: train rows -> made rows -> those that are new and whose label the scorer does not doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from promptsci.data import Example, read_dataset
from promptsci.errors import SpecError, did_you_mean
from promptsci.explain import Odds
from promptsci.lm import LM
from promptsci.pipeline.perturb import AsClean
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.run import LMs
from promptsci.rewrite import BackTranslator, Edits, Made, Maker, Paraphraser, Sieve, Tally, Written, digest
from promptsci.runs import write_atomically
from promptsci.spec import Task

WAYS = ("edits", "paraphrase", "backtranslate")
DOUBT = 2.0
"""Nats: a made row is doubted when the log-odds of its label are lower than its parent's by more."""
DOUBTED = "label doubted by the scorer"
BATCH = 64


@dataclass(frozen=True)
class AugmentSettings:
    """How rows are made.

    Attributes:
        ways: of ``edits``, ``paraphrase`` and ``backtranslate``.
        times: rows of each way for each train row.
        through: the translation models there and back.
        doubt: nats by which the log-odds of a label may fall from the parent's.
        seed: of what is drawn.
    """

    ways: tuple[str, ...]
    times: int = 1
    through: tuple[str, str] | None = None
    doubt: float = DOUBT
    seed: int = 0


@dataclass(frozen=True)
class Augmented:
    """Made rows.

    Attributes:
        asked: how they were to be made.
        made: those that were kept, in the order of their parents.
        tallies: way -> what became of its rows.
    """

    asked: AugmentSettings
    made: tuple[Made, ...]
    tallies: dict[str, dict[str, int]]

    def said(self) -> str:
        """What became of the rows of each way, in words."""
        counts = {
            way: ", ".join(f"{count} {why}" for why, count in tally.items()) for way, tally in self.tallies.items()
        }
        return "; ".join(f"{way}: {said}" for way, said in counts.items())

    def to_json(self) -> dict[str, Any]:
        """How they were made, counts and hash."""
        how = {**asdict(self.asked), "ways": list(self.asked.ways), "through": list(self.asked.through or ())}
        return {**how, "rows": len(self.made), "tallies": self.tallies, "sha256": digest(self.made)}


def check_augmentation(asked: AugmentSettings, task: Task) -> None:
    """Nothing where rows can be made so.

    Raises:
        SpecError: an unknown way, no pair of translation models, or answers that are no labels.
    """
    for way in asked.ways:
        if way not in WAYS:
            raise SpecError(f"there is no way '{way}' to make rows", fix=did_you_mean(way, WAYS))
    if not asked.ways:
        raise SpecError("no way to make rows is given", fix=f"Write --augment {','.join(WAYS[:2])}.")
    if "backtranslate" in asked.ways and asked.through is None:
        fix = "Write --through THERE,BACK: two Hub ids, such as Helsinki-NLP/opus-mt-en-de and -de-en, or two folders."
        raise SpecError("back-translation needs a pair of translation models", fix=fix)
    if task.form != "label":
        what = f"rows of {task.name} have answers that a rewritten text need not keep"
        raise SpecError(what, fix="Augment a classification task.")


def augment(
    prepared: Prepared, rows: Sequence[Example], asked: AugmentSettings, lms: LMs, told: Callable[[int], None]
) -> Augmented:
    """Rows made of labelled train rows. No text of any split is made again.

    Args:
        prepared: the run over the train rows, whose model scores labels and paraphrases.
        rows: the train rows.
        asked: how rows are made.
        lms: loads the model.
        told: hears of rows that are done.

    Raises:
        SpecError: rows cannot be made so.
        ModelError: a translation model cannot be loaded.
    """
    check_augmentation(asked, prepared.task)
    lm = lms.get(prepared.model, prepared.settings, prepared.adapter)
    splits = read_dataset(prepared.task, prepared.settings.data).splits.values()
    held = [example for split in splits if split.name != prepared.split for example in split.examples]
    sieve = Sieve(prepared.examples, held)
    makers = _makers(prepared, asked, lm)
    tallies = {maker.name: Tally() for maker in makers}
    kept: list[Made] = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        new: list[Made] = []
        for maker in makers:
            for turn in range(asked.times):
                new += _new(maker.make(batch, turn), batch, sieve, tallies[maker.name])
        kept += _believed(prepared, batch, new, (lm, asked.doubt), tallies)
        told(len(batch))
    return Augmented(asked, tuple(kept), {name: tally.to_json() for name, tally in tallies.items()})


def _makers(prepared: Prepared, asked: AugmentSettings, lm: LM) -> list[Maker]:
    task = prepared.task
    made: dict[str, Callable[[], Maker]] = {
        "edits": lambda: Edits(task, asked.seed),
        "paraphrase": lambda: Written("paraphrase", task, Paraphraser(lm, prepared.questioner.encoder)),
        "backtranslate": lambda: Written("backtranslate", task, BackTranslator(*(asked.through or ("", "")))),
    }
    return [made[way]() for way in dict.fromkeys(asked.ways)]


def _new(made: Sequence[Made], parents: Sequence[Example], sieve: Sieve, tally: Tally) -> list[Made]:
    """The made rows that are new; the others are counted by the reason."""
    found = []
    for one, parent in zip(made, parents, strict=True):
        why = sieve.why_not(parent, one)
        if why is None:
            found.append(one)
        else:
            tally.counts[why] += 1
    return found


def _believed(
    prepared: Prepared, parents: Sequence[Example], made: Sequence[Made], judge: tuple[LM, float],
    tallies: dict[str, Tally],
) -> list[Made]:  # fmt: skip
    """The made rows whose label is not doubted, in the order of their parents; kept and doubted ones are counted."""
    lm, doubt = judge
    shown = {parent.id: parent for parent in parents}
    odds = _log_odds(
        prepared, lm, [*parents, *(one.example for one in made)], {one.example.id: shown[one.parent] for one in made}
    )
    kept = []
    for one in made:
        believed = odds[one.example.id] >= odds[one.parent] - doubt
        tallies[one.how.partition(":")[0]].counts["kept" if believed else DOUBTED] += 1
        if believed:
            kept.append(one)
    place = {parent.id: number for number, parent in enumerate(parents)}
    return sorted(kept, key=lambda one: place[one.parent])


def _log_odds(prepared: Prepared, lm: LM, examples: Sequence[Example], parents: dict[str, Example]) -> dict[str, float]:
    """Id -> log-odds of the row's label; a made row is shown the shots of its parent."""
    questioner = prepared.questioner
    clean = AsClean(questioner.chooser, [])
    clean.clean = {example.id: parents.get(example.id, example) for example in examples}
    usual, questioner.chooser = questioner.chooser, clean
    try:
        questions = questioner.questions(examples)
    finally:
        questioner.chooser = usual
    odds = Odds("sum", np.zeros(len(prepared.task.labels)))
    scored = sorted(lm.score([question.query for question in questions]))
    return {
        question.example.id: odds.of(one.nats, prepared.task.labels.index(question.example.gold))
        for question, one in zip(questions, scored, strict=True)
    }


def write_made(path: Path, prepared: Prepared, made: Sequence[Made]) -> None:
    """Writes made rows as JSON lines in the columns of the task's data, with their parent and how they were made.

    Raises:
        RunError: the file cannot be written.
    """
    import json

    task = prepared.task
    assert task.label is not None, "only classification is augmented"
    lines = [
        {
            "id": one.example.id,
            **{column: one.example.fields[name] for name, column in task.fields.items()},
            task.label.column: one.example.gold,
            "parent": one.parent,
            "how": one.how,
        }
        for one in made
    ]
    write_atomically(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
