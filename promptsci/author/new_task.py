"""``new task=``: a plan of guesses about somebody's rows, and the task and wordings written from it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from promptsci.author.answers import Answer, answer_of, label_answer, metrics_of
from promptsci.author.files import write_new
from promptsci.author.guess import (
    Guess,
    column_named,
    describe_label,
    guess_fields,
    guess_label,
    in_words,
    is_label_like,
)
from promptsci.author.guess_kind import KindGuess, guess_kind
from promptsci.author.parts import Splits, in_place, splits_of
from promptsci.author.table import Table
from promptsci.author.wordings import wordings
from promptsci.errors import DataError, SpecError, did_you_mean
from promptsci.spec import FORMS, KINDS
from promptsci.spec.document import NAME_FORM
from promptsci.spec.task import RESERVED

NOT_STATED = "not stated; find out before you pass the data on"
QUESTIONS: Mapping[str, str] = {
    "label": "Which {noun} fits each {thing}?",
    "labels": "Which {noun} fit each {thing}?",
    "options": "Which option is right for each {thing}?",
    "number": "What is the {noun} of each {thing}?",
    "spans": "Find what each {thing} names.",
    "references": "Write the {noun} of each {thing}.",
    "phrases": "Name the {noun} of each {thing}.",
    "relevance": "Does the document help to answer the query?",
}
"""Form of the answer -> the question that a new task asks; a person will say it better."""
CUES: Mapping[str, str] = {"options": "Answer", "spans": "JSON", "relevance": "Answer"}
"""Form of the answer -> what stands before the answer, where it is not the name of its column."""


@dataclass(frozen=True)
class Plan:
    """What a new task will say.

    Attributes:
        answer: what the right answers are, and the words of labels.
        fields: template variable -> column.
        splits: split -> file, as task.yaml names it.
        rows: split -> how many rows it has.
        written: file in the task's folder -> rows that are written to it, as JSON lines.
        why: part of the plan -> the evidence for it.
    """

    name: str
    title: str
    kind: str
    licence: str
    answer: Answer
    fields: Mapping[str, str]
    metrics: list[str]
    splits: dict[str, str]
    rows: dict[str, int]
    about: str
    written: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)
    why: Mapping[str, str]

    @property
    def words(self) -> Mapping[str, str]:
        """Label or type -> words that the model scores or writes."""
        return self.answer.words

    @property
    def labels(self) -> list[str]:
        """Labels or types; none in other forms."""
        return list(self.answer.words)

    @property
    def shots_from(self) -> str:
        """The split that shots come from."""
        return "train" if "train" in self.splits else next(name for name in self.splits if name != "test")


@dataclass(frozen=True)
class Said:
    """What a person says of a new task, instead of having it guessed.

    Attributes:
        kind: of the task.
        label: the column of the labels, for a classification.
        fields: the columns that are shown to the model.
    """

    kind: str | None = None
    label: str | None = None
    fields: Sequence[str] | None = None


def plan_task(name: str, table: Table, root: Path, said: Said = Said()) -> Plan:
    """The task that the rows seem to ask for.

    Args:
        name: of the task.
        table: the rows.
        root: the folder whose ``tasks/`` the task will stand in.
        said: what is not to be guessed.

    Raises:
        SpecError: the name cannot be one, or there is no such kind.
        DataError: nothing looks like a right answer or like text, or a column is not there.
    """
    if not re.fullmatch(NAME_FORM, name):
        fix = "Use lower-case letters, digits, hyphens and dots, such as task=my-task."
        raise SpecError(f"'{name}' cannot be the name of a task", fix=fix)
    if said.kind is not None and said.kind not in KINDS:
        raise SpecError(f"there is no kind of task '{said.kind}'", fix=did_you_mean(said.kind, KINDS))
    told, answer = _answer(table, said.kind, said.label)
    shown = _shown(table, answer, said.fields)
    splits = _splits(table, root / "tasks" / name, list(shown.value.values()), answer)
    return Plan(
        name=name,
        title=_question(answer, list(shown.value.values())),
        kind=told.value,
        licence=NOT_STATED,
        answer=answer,
        fields=shown.value,
        metrics=metrics_of(answer),
        splits=splits.files,
        rows=splits.rows,
        about=splits.about,
        written=splits.written,
        why={
            "metrics": "the usual ones of this form of answer",
            **answer.why,
            "kind": told.why,
            "answer": answer.why.get("answer", "what the kind is told by"),
            "fields": shown.why,
            "splits": splits.about,
        },
    )


def _question(answer: Answer, shown: Sequence[str]) -> str:
    thing = in_words(shown[0]) if len(shown) == 1 else "text" if answer.form == "spans" else "row"
    return QUESTIONS[answer.form].format(noun=_noun(answer.column), thing=thing)


def _answer(table: Table, kind: str | None, label: str | None) -> tuple[KindGuess, Answer]:
    """The kind of task, and its right answers.

    Raises:
        DataError: no column looks like a right answer, or not like one of the kind asked for.
    """
    if label is not None or kind == "classification":
        gold = _label(table, label)
        column = column_named(table, gold.value)
        why = f"column '{gold.value}' holds one label of {len(column.counts)} a row"
        answer = label_answer(column)
        return KindGuess("classification", why, (gold.value,)), _because(answer, gold.why)
    likely = guess_label(table)
    told = guess_kind(table, likely.value if likely and kind is None else None, kind)
    if told is None and kind is not None:
        fix = "See docs/kinds.md for how rows of each kind are written, or leave --kind out."
        raise DataError(f"the rows do not look made for {kind}", where=str(table.origin), fix=fix)
    if told is None or told.value == "classification":
        return _answer(table, "classification", None)
    return told, answer_of(told, table)


def _because(answer: Answer, why: str) -> Answer:
    return dataclasses.replace(answer, why={**answer.why, "answer": why})


def _label(table: Table, asked: str | None) -> Guess[str]:
    if asked is None:
        found = guess_label(table)
        if found is None:
            seen = ", ".join(f"{column.name} ({len(column.counts)} values)" for column in table.columns.values())
            what = f"no column looks like a label, with a few short values that come again and again: {seen}"
            fix = "Name it: --label COLUMN; or say what is asked: --kind generation, regression, ..."
            raise DataError(what, where=str(table.origin), fix=fix)
        return found
    column = column_named(table, asked)
    if not is_label_like(column):
        what = (
            f"column '{asked}' cannot be the label: {describe_label(column) if column.counts else 'no single values'}"
        )
        fix = "A label has 2 to 50 short values that come again and again. Name another column, or give --kind."
        raise DataError(what, where=str(table.origin), fix=fix)
    return Guess(asked, f"as asked; {describe_label(column)}")


def _shown(table: Table, answer: Answer, asked: Sequence[str] | None) -> Guess[Mapping[str, str]]:
    """Template variable -> column, of what the model reads."""
    if answer.shown is not None and asked is None:
        return Guess(answer.shown, f"as the form '{answer.form}' has it")
    hidden = [answer.column, *(name for name in answer.columns[1:])]
    if asked is None:
        found = guess_fields(table, hidden)
        if found is None:
            seen = ", ".join(table.columns)
            fix = "Name the columns that the model should read: --fields a,b."
            raise DataError(f"no column looks like text; columns: {seen}", where=str(table.origin), fix=fix)
        return Guess(_variables(found.value), found.why)
    if answer.column in asked:
        what = f"column '{answer.column}' is the label: the model must not read it"
        raise DataError(what, fix="Leave it out of --fields.")
    return Guess(_variables([column_named(table, name).name for name in asked]), "as asked")


def _splits(table: Table, folder: Path, shown: Sequence[str], answer: Answer) -> Splits:
    if answer.form == "relevance":
        return in_place(table, folder)
    told_by = shown or [str(answer.section["tokens"])]
    return splits_of(table, folder, told_by, answer.column, by_label=answer.is_label)


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
    titles = {
        variable: _titled(in_words(variable if "." in column else column)) for variable, column in plan.fields.items()
    }
    titles = titles or {"text": "Text"}
    cue = CUES.get(plan.answer.form) or _titled(_noun(plan.answer.column))
    texts = wordings(plan.title, titles, plan.answer, cue)
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
    form = plan.answer.form
    spec = {
        "name": plan.name,
        "title": plan.title,
        "kind": plan.kind,
        "licence": plan.licence,
        "data": {"own": {"files": plan.splits, **({"rows": plan.rows} if plan.rows else {}), "about": plan.about}},
        "fields": dict(plan.fields),
        form: dict(plan.answer.section),
        "metrics": plan.metrics,
        "shots": {"from": plan.shots_from, "choose": FORMS[form].choose},
    }
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
