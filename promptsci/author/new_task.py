"""``new task=``: a plan of guesses about somebody's rows, and the task and wordings written from it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from promptsci.author.files import write_new
from promptsci.author.guess import (
    Guess,
    column_named,
    describe_label,
    guess_fields,
    guess_kind,
    guess_label,
    guess_metrics,
    guess_spellings,
    guess_words,
    in_words,
    is_label_like,
)
from promptsci.author.parts import splits_of
from promptsci.author.table import Table
from promptsci.author.wordings import wordings
from promptsci.errors import DataError, SpecError
from promptsci.spec.document import NAME_FORM
from promptsci.spec.task import RESERVED

NOT_STATED = "not stated; find out before you pass the data on"


@dataclass(frozen=True)
class Plan:
    """What a new task will say.

    Attributes:
        fields: template variable -> column.
        read: other spellings of a label -> the label.
        words: label -> words that the model scores.
        splits: split -> file, as task.yaml names it.
        rows: split -> how many rows it has.
        written: file in the task's folder -> rows that are written to it, as JSON lines.
        why: part of the plan -> the evidence for it.
    """

    name: str
    title: str
    kind: str
    licence: str
    label: str
    labels: list[str]
    read: dict[str, str]
    words: dict[str, str]
    fields: dict[str, str]
    metrics: list[str]
    splits: dict[str, str]
    rows: dict[str, int]
    about: str
    written: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)
    why: Mapping[str, str]

    @property
    def shots_from(self) -> str:
        """The split that shots come from."""
        return "train" if "train" in self.splits else next(name for name in self.splits if name != "test")


def plan_task(
    name: str, table: Table, root: Path, *, label: str | None = None, fields: Sequence[str] | None = None
) -> Plan:
    """The task that the rows seem to ask for.

    Args:
        name: of the task.
        table: the rows.
        root: the folder whose ``tasks/`` the task will stand in.
        label: the column of the labels; guessed when None.
        fields: the columns that are shown to the model; guessed when None.

    Raises:
        SpecError: the name cannot be one.
        DataError: nothing looks like a label or like text, or a column is not there.
    """
    if not re.fullmatch(NAME_FORM, name):
        fix = "Use lower-case letters, digits, hyphens and dots, such as task=my-task."
        raise SpecError(f"'{name}' cannot be the name of a task", fix=fix)
    guessed = _guessed(table, label, fields)
    column, shown = guessed.label.value, guessed.fields.value
    splits = splits_of(table, root / "tasks" / name, shown, column)
    thing = in_words(shown[0]) if len(shown) == 1 else "row"
    return Plan(
        name=name,
        title=f"Which {_noun(column)} fits each {thing}?",
        kind=guessed.kind.value,
        licence=NOT_STATED,
        label=column,
        labels=guessed.labels.value[0],
        read=guessed.labels.value[1],
        words=guessed.words.value,
        fields=_variables(shown),
        metrics=guessed.metrics.value,
        splits=splits.files,
        rows=splits.rows,
        about=splits.about,
        written=splits.written,
        why={**guessed.evidence(), "splits": splits.about},
    )


@dataclass(frozen=True)
class _Guesses:
    """All guesses about a table."""

    kind: Guess[str]
    label: Guess[str]
    labels: Guess[tuple[list[str], dict[str, str]]]
    words: Guess[dict[str, str]]
    fields: Guess[list[str]]
    metrics: Guess[list[str]]

    def evidence(self) -> dict[str, str]:
        """Part -> the evidence for it."""
        return {part: guess.why for part, guess in vars(self).items()}


def _guessed(table: Table, label: str | None, fields: Sequence[str] | None) -> _Guesses:
    gold = _label(table, label)
    kind = guess_kind(table, gold.value)
    assert kind is not None, "a label-like column makes a classification"
    column = column_named(table, gold.value)
    spellings = guess_spellings(column)
    return _Guesses(
        kind=kind,
        label=gold,
        labels=spellings,
        words=guess_words(spellings.value[0]),
        fields=_fields(table, gold.value, fields),
        metrics=guess_metrics(column),
    )


def _label(table: Table, asked: str | None) -> Guess[str]:
    if asked is None:
        found = guess_label(table)
        if found is None:
            seen = ", ".join(f"{column.name} ({len(column.counts)} values)" for column in table.columns.values())
            what = f"no column looks like a label, with a few short values that come again and again: {seen}"
            raise DataError(what, where=str(table.origin), fix="Name it: --label COLUMN.")
        return found
    column = column_named(table, asked)
    if not is_label_like(column):
        what = (
            f"column '{asked}' cannot be the label: {describe_label(column) if column.counts else 'no single values'}"
        )
        fix = "A label has 2 to 50 short values that come again and again. Name another column."
        raise DataError(what, where=str(table.origin), fix=fix)
    return Guess(asked, f"as asked; {describe_label(column)}")


def _fields(table: Table, label: str, asked: Sequence[str] | None) -> Guess[list[str]]:
    if asked is None:
        found = guess_fields(table, label)
        if found is None:
            seen = ", ".join(table.columns)
            fix = "Name the columns that the model should read: --fields a,b."
            raise DataError(f"no column looks like text; columns: {seen}", where=str(table.origin), fix=fix)
        return found
    if label in asked:
        raise DataError(f"column '{label}' is the label: the model must not read it", fix="Leave it out of --fields.")
    return Guess([column_named(table, name).name for name in asked], "as asked")


def _variables(columns: Sequence[str]) -> dict[str, str]:
    """Template variable -> column, each with a name of its own."""
    named: dict[str, str] = {}
    for column in columns:
        name = _variable(column)
        alike = sum(1 for taken in named if taken.rstrip("0123456789_") == name.rstrip("0123456789_"))
        named[name if name not in named else f"{name}_{alike + 1}"] = column
    return named


def _variable(column: str) -> str:
    """A column's name as a template variable."""
    name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_").lower() or "text"
    name = name if name[0].isalpha() else f"column_{name}"
    return f"{name}_column" if name in RESERVED else name


def _noun(label: str) -> str:
    return in_words(label) if len(label) > 2 else "label"


def write_task(plan: Plan, root: Path, *, force: bool = False) -> list[Path]:
    """The files of a new task and its three wordings, written below root.

    Raises:
        SpecError: one of them is there already, or cannot be written.
    """
    task, templates = root / "tasks" / plan.name, root / "templates" / plan.name
    titles = {variable: _titled(in_words(column)) for variable, column in plan.fields.items()}
    texts = wordings(plan.title, titles, plan.words, _titled(_noun(plan.label)))
    files = {
        task / "task.yaml": task_yaml(plan),
        **{task / file: "".join(_json_line(row) for row in rows) for file, rows in plan.written.items()},
        **{templates / f"{wording}.jinja": text for wording, text in texts.items()},
    }
    write_new(files, force=force)
    return list(files)


def _titled(words: str) -> str:
    return words[:1].upper() + words[1:]


def _json_line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str) + "\n"


def task_yaml(plan: Plan) -> str:
    """The text of task.yaml."""
    label: dict[str, Any] = {"column": plan.label, "values": plan.labels}
    spec = {
        "name": plan.name,
        "title": plan.title,
        "kind": plan.kind,
        "licence": plan.licence,
        "data": {"own": {"files": plan.splits, "rows": plan.rows, "about": plan.about}},
        "fields": plan.fields,
        "label": {**label, **({"read": plan.read} if plan.read else {})},
        "metrics": plan.metrics,
        "shots": {"from": plan.shots_from, "choose": "balanced"},
    }
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
