"""One task of a tuning: how it is asked, which of its rows are learned from, and which decide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from promptsci.data import Example, Findings, carve, gold_reader, read_dataset, stratified, text_key
from promptsci.data.example import split_name
from promptsci.errors import TuneError
from promptsci.pipeline.fresh import Fresh, fresh_rows
from promptsci.pipeline.lessons import teach
from promptsci.pipeline.opening import fits_behind, openings
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.record import is_data_path, lasting, lasting_settings
from promptsci.pipeline.settings import Settings
from promptsci.prompt.opening import Opening
from promptsci.runs import settings_key
from promptsci.score import GENERATED, usual_rule
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import Recipe

TUNED_RULE = "sum"
"""Training makes the summed log-likelihood of the right choice the largest, so that is what decides."""


@dataclass(frozen=True)
class TaskSettings:
    """What a tuning is asked to do with one task.

    Attributes:
        run: the closing run: task, template, model, data, split, shots, seed and so on.
        train: the split that is learned from.
        validation: the split that decides which weights are the best.
        train_rows: how many rows are learned from, a stratified sample.
        new: rows that are learned from instead, as ``data=`` names them; those of train are earlier ones.
    """

    run: Settings
    train: str = "train"
    validation: str = "validation"
    train_rows: int | None = None
    new: str | None = None

    def to_json(self, run: Prepared) -> dict[str, Any]:
        """Plain values by name, with every path written so that it holds from any folder."""
        stored = {**asdict(self), "run": lasting_settings(run)}
        return lasting(stored, {"new": is_data_path(self.new, run.task)})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TaskSettings:
        """What was stored, by this version or an earlier one."""
        known = {field.name for field in fields(cls)}
        asked = {field.name for field in fields(Settings)}
        run = Settings(**{name: value for name, value in stored["run"].items() if name in asked})
        return cls(run, **{name: value for name, value in stored.items() if name in known - {"run"}})


@dataclass(frozen=True)
class Subject:
    """A task that can be learned.

    Attributes:
        asked: what is to be done with it.
        run: the base model on the rows of the closing run.
        train: the same on the rows that are learned from.
        rows: those that are.
        lessons: what is learned of them.
        validation: rows that decide which weights are the best.
        carved: whether those were taken out of the train rows.
        notes: what the result must say.
        openings: with init=shots, what the prefix may begin as.
        fresh: of new rows, where they came from and what was left out.
    """

    asked: TaskSettings
    run: Prepared
    train: Prepared
    rows: tuple[Example, ...]
    lessons: tuple[Lesson, ...]
    validation: tuple[Example, ...]
    carved: bool
    notes: tuple[str, ...]
    openings: tuple[Opening, ...] = ()
    fresh: Fresh | None = None

    @property
    def name(self) -> str:
        """The task's."""
        return self.run.task.name

    @property
    def rule(self) -> str:
        """The decision rule of the main metric."""
        usual = usual_rule(self.run.task.form)
        return usual if usual == GENERATED else self.asked.run.rule or TUNED_RULE

    def identity(self) -> dict[str, Any]:
        """All that decides what is learned of it and judged by."""
        own = self.train.identity()
        return {
            **{name: value for name, value in own.items() if name not in ("sharing", "pack_tokens")},
            **({"new": self.fresh.to_json()} if self.fresh else {}),
        }

    def judged_by(self) -> dict[str, Any]:
        """The validation rows, as an identity says them."""
        return {
            "split": self.asked.train if self.carved else split_name(self.asked.validation),
            "ids": settings_key({"ids": [example.id for example in self.validation]}),
        }


def subject(asked: TaskSettings, run: Prepared, recipe: Recipe) -> Subject:
    """The task of a tuning, its rows read, with no lessons yet.

    Args:
        asked: what is to be done with it.
        run: the closing run of the base, prepared.
        recipe: how it is learned.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    learned = replace(asked.run, split=asked.train, pool=asked.run.pool or None, limit=None)
    train = prepare(learned, run.catalog)
    rows, validation, carved, notes = _rows(asked, run, train)
    fresh = None if asked.new is None else fresh_rows(asked.new, run, validation)
    if fresh is not None:
        rows = list(fresh.rows)
        notes += fresh.notes
    elif asked.train_rows is not None:
        rows = stratified(rows, asked.train_rows, asked.run.seed)
    notes += _missing_labels(run, rows, sampled=asked.train_rows is not None or fresh is not None)
    notes += _seen_rows(validation, rows)
    kept = _examined(validation, recipe.evaluate, asked.run.seed)
    if len(kept) < len(validation):
        notes.append(f"{len(kept)} of {len(validation)} validation rows are used (evaluate={recipe.evaluate})")
    opened = openings(train, recipe, rows, run.choose) if recipe.init == "shots" else ()
    train.questioner.context -= 0 if opened else recipe.n_virtual
    parts = (asked, run, train, tuple(rows), (), tuple(kept), carved, (*run.notes, *notes), opened)
    return Subject(*parts, fresh=fresh)


def with_lessons(one: Subject, recipe: Recipe, rows: Sequence[Example] = ()) -> Subject:
    """The task with what its rows teach, and these others.

    Raises:
        TuneError: nothing is left to learn from.
        PromptError: a row does not fit behind an opening.
    """
    with fits_behind(one.openings):
        taught = teach(one.train, [*one.rows, *rows], recipe)
    return replace(one, lessons=taught.lessons, notes=tuple(dict.fromkeys([*one.notes, *taught.notes])))


def _rows(asked: TaskSettings, run: Prepared, train: Prepared) -> tuple[list[Example], list[Example], bool, list[str]]:
    """Rows that may be learned from, validation rows, whether those were taken out of train, and what is to be said."""
    rows = [example for example in train.examples if example.gold is not None]
    notes = []
    if len(rows) < len(train.examples):
        notes.append(f"{len(train.examples) - len(rows)} rows of {asked.train} have no label and are left out")
    validation, carved = _validation(asked, run, rows)
    if carved:
        held = {example.id for example in validation}
        rows = [example for example in rows if example.id not in held]
        notes.append(
            f"there is no validation split: {len(validation)} rows of {asked.train} were set aside for it "
            f"(stratified, seed {asked.run.seed})"
        )
    return rows, validation, carved, notes


def _validation(asked: TaskSettings, run: Prepared, rows: Sequence[Example]) -> tuple[list[Example], bool]:
    """The validation rows, and whether they were taken out of train.

    Raises:
        DataError: a validation split that was named is not there, or train is too small to set rows aside.
    """
    name = split_name(asked.validation)
    there = read_dataset(run.task, asked.run.data).splits
    if name in there or asked.validation != "validation":
        split = there.get(name) or read_dataset(run.task, asked.run.data, needed=[name]).split(name)
        labelled = [example for example in split.examples if example.gold is not None]
        if not labelled:
            raise TuneError(f"no row of {name} has a label", where=split.origin, fix="Name another: validation=...")
        return labelled, False
    return carve(rows, asked.run.seed)[1], True


def _missing_labels(run: Prepared, rows: Sequence[Example], *, sampled: bool) -> list[str]:
    """What to say of labels that no train row has; in all of train that is an error, in a small sample it happens.

    It is none either where a row may have any number of labels or spans, as a rare one then says little.

    Raises:
        TuneError: no row of train has a label of the task.
    """
    labels_of = gold_reader(run.task, Findings("")).labels
    there = {label for example in rows for label in labels_of(example.gold)}
    missing = [label for label in run.task.labels if label not in there]
    if not missing:
        return []
    what = f"no train row has the label{'s' * (len(missing) > 1)} {', '.join(missing)}"
    if sampled or run.task.answers.is_written:
        return [what]
    fix = "Add rows, take the label out of task.yaml, or name another train split: --train-split NAME."
    raise TuneError(what, where=run.dataset.origin, fix=fix)


def _seen_rows(validation: Sequence[Example], rows: Sequence[Example]) -> list[str]:
    known = {text_key(example) for example in rows}
    n = sum(text_key(example) in known for example in validation)
    return [f"{n} of {len(validation)} validation rows also stand in train, so the choice of weights is flattered"] * (
        n > 0
    )


def _examined(validation: Sequence[Example], n: int, seed: int) -> list[Example]:
    """A sample of about n validation rows; those that are judged together are taken together."""
    groups = {example.group for example in validation if example.group is not None}
    return stratified(validation, -(-n * len(groups) // len(validation)) if groups else n, seed)


def share_of(rows: Sequence[Example], share: float, seed: int) -> list[Example]:
    """A stratified sample of a share of the rows, rounded up; rows that are judged together are taken together."""
    units = len({example.group for example in rows} - {None}) or len(rows)
    # 0.7 of 10 are 7, whatever floating point makes of it.
    return stratified(rows, math.ceil(round(share * units, 9)), seed) if rows else []
