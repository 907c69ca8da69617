"""``new task=``: a plan of guesses about somebody's rows, and the task and wordings written from it."""

from __future__ import annotations

import json
import os
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
from promptsci.author.parts import split_rows
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
    gold = _label(table, label)
    kind = guess_kind(table, gold.value)
    assert kind is not None, "a label-like column makes a classification"
    column = column_named(table, gold.value)
    shown = _fields(table, gold.value, fields)
    spellings = guess_spellings(column)
    words = guess_words(spellings.value[0])
    metrics = guess_metrics(column)
    splits = _splits(table, root / "tasks" / name, shown.value, gold.value)
    named = {_variable(each): each for each in shown.value}
    noun, thing = _noun(gold.value), in_words(shown.value[0]) if len(shown.value) == 1 else "row"
    guesses: dict[str, Guess[Any]] = {
        "kind": kind,
        "label": gold,
        "labels": spellings,
        "words": words,
        "fields": shown,
        "metrics": metrics,
    }
    return Plan(
        name=name,
        title=f"Which {noun} fits each {thing}?",
        kind=kind.value,
        licence=NOT_STATED,
        label=gold.value,
        labels=spellings.value[0],
        read=spellings.value[1],
        words=words.value,
        fields=named,
        metrics=metrics.value,
        splits=splits.files,
        rows=splits.rows,
        about=splits.about,
        written=splits.written,
        why={part: guess.why for part, guess in guesses.items()} | {"splits": splits.about},
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


def _variable(column: str) -> str:
    """A column's name as a template variable."""
    name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_").lower() or "text"
    name = name if name[0].isalpha() else f"column_{name}"
    return f"{name}_column" if name in RESERVED else name


def _noun(label: str) -> str:
    return in_words(label) if len(label) > 2 else "label"


@dataclass(frozen=True)
class _Splits:
    files: dict[str, str]
    rows: dict[str, int]
    written: Mapping[str, Sequence[Mapping[str, Any]]]
    about: str


def _splits(table: Table, folder: Path, fields: Sequence[str], label: str) -> _Splits:
    """Where each split's rows stand: in the user's own files, or in files written beside task.yaml."""
    named = {name: _as_test(name, table) for name in table.rows}
    if table.files and table.is_split and "test" in named.values():
        files = {named[name]: relative(path, folder) for name, path in table.files.items()}
        rows = {named[name]: len(part) for name, part in table.rows.items()}
        return _Splits(files, rows, {}, f"{table.why}: {_counted(table.rows)}{_stands_in(named)}")
    parts: Mapping[str, Sequence[Mapping[str, Any]]]
    if table.is_split and "test" in named.values():
        parts = {named[name]: rows for name, rows in table.rows.items()}
        about = f"{table.why}: {_counted(table.rows)}{_stands_in(named)}"
    else:
        rows = [row for part in table.rows.values() for row in part]
        parts = split_rows(rows, fields, label)
        dropped = len(rows) - sum(map(len, parts.values()))
        about = f"{table.why}; split here, label by label and like texts together: {_counted(parts)}"
        about += f"; {dropped} rows without a label left out" if dropped else ""
        if table.is_split:
            about = f"there is no test split in {table.origin}; " + about
    if "test" not in parts or len(parts) < 2:
        what = f"{table.n_rows} rows are too few to be split into train and test"
        raise DataError(what, where=str(table.origin), fix="Give three rows of each label or more.")
    files = {name: f"{name}.jsonl" for name in parts}
    rows_of = {name: len(part) for name, part in parts.items()}
    return _Splits(files, rows_of, {files[name]: part for name, part in parts.items()}, about)


def _as_test(name: str, table: Table) -> str:
    """The split that rows are used as: without a test split, validation stands in for it."""
    stands_in = name == "validation" and "test" not in table.rows and "train" in table.rows
    return "test" if stands_in else name


def _stands_in(named: Mapping[str, str]) -> str:
    return "; there is no test split, so validation is used as test" if named.get("validation") == "test" else ""


def _counted(parts: Mapping[str, Sequence[object]]) -> str:
    return ", ".join(f"{name} {len(rows)}" for name, rows in parts.items())


def relative(path: Path, folder: Path) -> str:
    """The path from the task's folder; absolute where they have nothing in common."""
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:  # another drive
        return str(path.absolute())


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
