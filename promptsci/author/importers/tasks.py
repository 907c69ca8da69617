"""Drafts become tasks and wordings: one task for each thing that is asked, one wording for each prompt."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from promptsci.author.importers.draft import (
    CHOICES,
    Draft,
    Lost,
    choices_set,
    only_column,
    our_source,
    renamed,
    variables,
)
from promptsci.author.importers.labels import label_values, named, words_of_labels
from promptsci.author.table import Table
from promptsci.author.wordings import block, front_matter, literal
from promptsci.errors import Problems, PromptsciError
from promptsci.spec import Task
from promptsci.spec.blocks import parse_blocks
from promptsci.spec.document import parse, validate

ANSWER, OPTIONS = "right_answer", "answer_options"
"""Columns that are written out where the answer of a row has to be computed."""


@dataclass(frozen=True)
class Known:
    """What is known beside the prompts.

    Attributes:
        name: of the task.
        title: of the task.
        source: the ``data:`` entry of task.yaml for rows that lie elsewhere.
        table: rows at hand.
        labels: values of the label, or names for its numbers.
        root: the folder whose ``tasks/`` and ``templates/`` are written.
    """

    name: str
    title: str
    source: Mapping[str, Any]
    table: Table | None = None
    labels: tuple[str, ...] = ()
    root: Path = Path()


@dataclass
class Imported:
    """Files to write, the wordings among them, and what was not carried over."""

    files: dict[Path, str] = field(default_factory=dict)
    wordings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Group:
    """Prompts that ask for the same thing: the form of the answer, and the column that holds it.

    ``target`` is the Jinja that computes what is written into that column; '' where the rows have it.
    """

    form: str
    column: str
    target: str
    drafts: tuple[Draft, ...]


def import_drafts(drafts: Sequence[Draft], known: Known) -> Imported:
    """The tasks and wordings that the drafts become; a draft that cannot be one is a note."""
    imported = Imported()
    groups: dict[tuple[str, str, str], list[Draft]] = defaultdict(list)
    for draft in drafts:
        try:
            groups[_asked(draft, known)].append(draft)
        except PromptsciError as error:
            imported.notes.append(_lost(draft, error))
    names: list[str] = []
    for asked, members in groups.items():
        group = _Group(*asked, tuple(members))
        names.append(_unused(known.name if len(groups) == 1 else f"{known.name}-{_slug(group.column)}", names))
        _add_task(imported, group, names[-1], known)
    return imported


def _lost(draft: Draft, error: PromptsciError) -> str:
    return f"{draft.name}: not carried over: {error.what}" + (f" ({error.fix})" if error.fix else "")


def _asked(draft: Draft, known: Known) -> tuple[str, str, str]:
    """The form of a draft's answer, the column that holds it or will hold it, and what then is written there."""
    _check(draft)
    columns = draft.target_columns
    if draft.has_fixed_choices and len(columns) == 1:
        return "label", next(iter(columns)), ""
    target = "|||".join([draft.target, *draft.choices, draft.listed])
    if (draft.choices or draft.listed) and not draft.has_fixed_choices and known.table is not None:
        return "options", ANSWER, target
    if draft.listed:
        raise Lost(f"its choices are a list in the rows: {draft.listed}", fix="Give the rows as data=PATH.")
    column = only_column(_direct(draft))
    if column is not None:
        return "references", column, ""
    if known.table is None:
        what = "its answer is computed from columns, not one of them"
        raise Lost(what, fix="Give the rows as data=PATH; the answers are then written out.")
    return "references", ANSWER, target


def _direct(draft: Draft) -> str:
    """The target, or the Jinja of the one choice that it always names."""
    found = re.fullmatch(rf"\s*\{{\{{\s*{CHOICES}\[(\d+)\]\s*\}}\}}\s*", draft.target)
    number = int(found[1]) if found else int(draft.target) if draft.target.strip().isdecimal() else None
    return draft.choices[number] if number is not None and number < len(draft.choices) else draft.target


def _check(draft: Draft) -> None:
    """Nothing when our templates can say the draft.

    Raises:
        Lost: they cannot: random, unknown filters, functions.
    """
    for source in (draft.input, draft.target, *draft.choices, draft.listed):
        variables(source)
    body = block("input", our_source(draft.input))
    text = "\n".join([block("instruction", ""), body, "{% block target %}x{% endblock %}"])
    try:
        parse_blocks(text, Path(draft.name))
    except PromptsciError as error:
        problems = error.problems if isinstance(error, Problems) else (error,)
        raise Lost("; ".join(dict.fromkeys(problem.what for problem in problems))) from error


def _add_task(imported: Imported, group: _Group, name: str, known: Known) -> None:
    """One task with the wordings that can be written; nothing when there is none."""
    texts: dict[str, str] = {}
    taken: list[Draft] = []
    try:
        section, labels = _SECTIONS[group.form](group, known)
        for draft in group.drafts:
            try:
                texts[_unused(_slug(draft.name), list(texts))] = _wording(draft, group, labels)
                taken.append(draft)
            except PromptsciError as error:
                imported.notes.append(_lost(draft, error))
        files = _task_files(section, taken, name, known, group) if taken else {}
    except PromptsciError as error:
        imported.notes += [_lost(draft, error) for draft in taken or group.drafts]
        return
    folder = known.root / "templates" / name
    imported.files |= files | {folder / f"{wording}.jinja": text for wording, text in texts.items()}
    imported.wordings += [f"{name}/{wording}" for wording in texts]
    imported.notes += [note for draft in taken for note in _changed(draft, group)]


Labels = Callable[[Draft], Mapping[str, str]]


def _label(group: _Group, known: Known) -> tuple[dict[str, Any], Labels]:
    names = known.labels if known.labels and group.drafts[0].counts_choices else ()
    given = () if names else known.labels
    values = label_values(group.column, group.drafts, known.table, given)
    if names and all(value.isdecimal() for value in values):
        values = [str(number) for number in range(len(names))]
    labels, read = named(values, names)
    if known.table is None and all(draft.is_numbered for draft in group.drafts) and not read:
        # The harness takes words and places alike, and only the rows could tell which of them they hold.
        read = {str(number): label for number, label in enumerate(labels) if str(number) not in labels}
    back = {name: number for number, name in read.items()} if names else {}

    def words(draft: Draft) -> Mapping[str, str]:
        found = words_of_labels(draft, group.column, [back.get(label, label) for label in labels])
        return {label: found[back.get(label, label)] for label in labels}

    in_order = _in_order_of_choices(labels, group.drafts[0], words)
    section = {"column": group.column, "values": in_order, **({"read": dict(read)} if read else {})}
    return {"kind": "classification", "label": section}, words


def _in_order_of_choices(labels: Sequence[str], draft: Draft, words: Labels) -> list[str]:
    """Labels in the order in which the prompt lists their words, so that it can say ``choices``."""
    try:
        said = words(draft)
    except PromptsciError:
        return list(labels)
    order = {word: place for place, word in enumerate(draft.words)}
    return sorted(labels, key=lambda label: order.get(said[label], len(order)))


def _references(group: _Group, known: Known) -> tuple[dict[str, Any], Labels]:  # noqa: ARG001 - one shape for all
    return {"kind": "generation", "references": {"column": group.column}}, lambda _draft: {}


def _options(group: _Group, known: Known) -> tuple[dict[str, Any], Labels]:  # noqa: ARG001
    return {"kind": "multiple-choice", "options": {"column": OPTIONS, "answer": ANSWER}}, lambda _draft: {}


_SECTIONS: Mapping[str, Callable[[_Group, Known], tuple[dict[str, Any], Labels]]] = {
    "label": _label,
    "references": _references,
    "options": _options,
}


def _wording(draft: Draft, group: _Group, labels: Labels) -> str:
    """The text of the wording's file."""
    if group.column in draft.input_columns:
        raise Lost(f"the prompt shows the answer's own column '{group.column}'")
    words = labels(draft)
    query = our_source(draft.input)
    if CHOICES in variables(draft.input):
        is_ours = group.form == "options" or list(words.values()) == draft.words
        defined = None if is_ours else choices_set(draft.choices)
        if not is_ours and defined is None:
            raise Lost("the prompt shows choices that are computed from the row")
        query = renamed(query, CHOICES, "choices") if is_ours else f"{defined}{query.lstrip()}"
    front = front_matter({"about": draft.about, **({"choices": dict(words)} if words else {})})
    answer = "choice" if group.form in ("label", "options") else "answer"
    target = f"{{% block target %}}{{{{ {answer} }}}}{{% endblock %}}\n"
    return "\n".join([front, block("instruction", literal(draft.instruction)), block("input", query.strip()), target])


def _changed(draft: Draft, group: _Group) -> list[str]:
    """What a carried draft has lost."""
    if group.form == "references" and draft.choices:
        return [f"{draft.name}: its answer choices are not scored; the answer is written (data=PATH keeps them)"]
    return []


def _task_files(
    section: Mapping[str, Any], drafts: Sequence[Draft], name: str, known: Known, group: _Group
) -> dict[Path, str]:
    """The files of the task.

    Raises:
        SpecError: the task would not be one, such as with a column called ``choices``.
        Lost: an answer cannot be computed.
    """
    folder = known.root / "tasks" / name
    columns = sorted(frozenset[str]().union(*(draft.input_columns for draft in drafts)))
    computed = _computed(group, known) if group.target else {}
    files = {folder / f"{split}.jsonl": text for split, text in computed.items()}
    source = {"files": {split: f"{split}.jsonl" for split in computed}} if computed else known.source
    spec = {
        "name": name,
        "title": known.title,
        "kind": section["kind"],
        "about": "; ".join(dict.fromkeys(draft.where for draft in drafts)),
        "licence": "not stated; find out before you pass the data on",
        "data": {"own" if known.table is not None else "hub": dict(source)},
        "fields": {column: column for column in columns},
        **{key: value for key, value in section.items() if key != "kind"},
    }
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    validate(Task, parse(text, str(folder / "task.yaml")))
    return {folder / "task.yaml": text, **files}


def _computed(group: _Group, known: Known) -> dict[str, str]:
    """Split -> rows as JSON lines, with the answer and the options written out."""
    assert known.table is not None, "answers are computed of rows"
    taken = {ANSWER, OPTIONS} & set(known.table.columns)
    if taken:
        raise Lost(f"the rows have a column '{taken.pop()}' already", fix="Give it another name.")
    draft = group.drafts[0]
    written: dict[str, str] = {}
    for split, rows in known.table.rows.items():
        lines = []
        for row in rows:
            options = draft.row_choices(row) if group.form == "options" else []
            extra = {ANSWER: draft.answer(row), **({OPTIONS: options} if options else {})}
            lines.append(json.dumps({**row, **extra}, ensure_ascii=False, default=str) + "\n")
        written[split if known.table.is_split else "test"] = "".join(lines)
    return written


def _slug(name: str) -> str:
    """A name as files and tasks spell it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "prompt"


def _unused(name: str, taken: Sequence[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found
