"""What check looks at: a task's file, a template as a wording of a task, and where things stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from promptsci.author.check.findings import Finding, Place, column_of
from promptsci.author.check.flow import Flow
from promptsci.spec import Task, Template
from promptsci.spec.document import Document
from promptsci.spec.fit import allowed_variables
from promptsci.spec.task import read_document, read_text, task_in

_IGNORE = re.compile(r"#\s*promptsci:\s*ignore\s+(?P<codes>[^#\n]*)")
_CODE = re.compile(r"[A-Za-z]\w+")
_END = re.compile(r"\{%[-+]?\s*endblock")


# Form -> the names in its section of the columns that hold the right answer; elsewhere it is ``column``.
_GOLD = {"options": ("answer",), "spans": ("column", "tags"), "references": ("column", "more"), "relevance": ()}


def lines_of(path: Path) -> tuple[str, ...]:
    """The lines of a spec file.

    Raises:
        SpecError: it cannot be read.
    """
    return tuple(read_text(path).split("\n"))


@dataclass(frozen=True)
class TaskFile:
    """A task and the text it was read from."""

    path: Path
    task: Task
    document: Document = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)

    def at(self, *keys: str | int) -> Place:
        """Where a key's line stands, or that of the nearest key above it that is there."""
        return _place(self.document, keys)

    def at_label(self, label: str) -> Place:
        """Where a label or type stands in the section that lists it."""
        key = "types" if self.task.spans is not None else "values"
        return self.at(self.task.form, key, self.task.labels.index(label))

    @property
    def gold_columns(self) -> set[str]:
        """The columns that hold the right answer."""
        names = _GOLD.get(self.task.form, ("column",))
        return {column for name in names if (column := getattr(self.task.section, name, None))}


def read_task_file(path: Path) -> TaskFile:
    """The task in a file, with the places of its parts.

    Raises:
        SpecError: see ``read_task``.
        Problems: several problems.
    """
    document = read_document(path)
    return TaskFile(path, task_in(document, path), document, lines_of(path))


@dataclass(frozen=True)
class Wording:
    """A template that says a task, and the text it was read from."""

    template: Template
    asked: TaskFile
    lines: tuple[str, ...] = field(repr=False)

    @property
    def task(self) -> Task:
        """The task that the template says."""
        return self.asked.task

    @cached_property
    def words(self) -> dict[str, str]:
        """The words that stand for each label."""
        return self.template.words(self.task.labels)

    @property
    def is_scored(self) -> bool:
        """Whether the model scores choices; otherwise it writes the answer."""
        return not self.template.writes(self.task)

    @cached_property
    def flows(self) -> dict[str, Flow]:
        """Block -> what of the fields and answers reaches its text."""
        names = frozenset(name for block in allowed_variables(self.task).values() for name in block)
        return {block: Flow(tree, names) for block, tree in self.template.trees.items()}

    def at(self, line: int, word: str | None = None) -> Place:
        """Where a word stands on a line of the template."""
        return Place(str(self.template.path), line, column_of(self.lines, line, word))

    def at_choice(self, label: str) -> Place:
        """Where a label's words stand: in the front matter, or where the label stands for itself."""
        if label in self.template.front.choices:
            return _place(self.template.document, ("choices", label))
        return self.asked.at_label(label) if label in self.task.labels else _place(self.template.document, ("numbers",))

    def at_start(self, block: str) -> Place:
        """Where a block begins."""
        return self.at(self.template.trees[block].lineno, block)

    def at_end(self, block: str) -> Place:
        """The last line of a block that has something on it."""
        first = self.template.trees[block].lineno
        inside = [first]
        for number, line in enumerate(self.lines[first - 1 :], start=first):
            end = _END.search(line)
            if (line[: end.start()] if end else line).strip():
                inside.append(number)
            if end:
                break
        return self.at(inside[-1])


def _place(document: Document, keys: tuple[str | int, ...]) -> Place:
    file, line, column = document.where(keys).rsplit(":", 2)
    return Place(file, int(line), int(column))


class Silence:
    """The ignore comments of one file: ``# promptsci: ignore PS012`` speaks of its own line and of the next."""

    def __init__(self, file: str, lines: tuple[str, ...]) -> None:
        self.file = file
        self.codes: dict[int, set[str]] = {}
        self.places: list[tuple[Place, str]] = []
        for number, line in enumerate(lines, start=1):
            for comment in _IGNORE.finditer(line):
                for code in _CODE.finditer(comment["codes"]):
                    self.places.append((Place(file, number, comment.start("codes") + code.start() + 1), code[0]))
                    self.codes.setdefault(number, set()).add(code[0])
                    self.codes.setdefault(number + 1, set()).add(code[0])

    def covers(self, finding: Finding) -> bool:
        """Whether a comment silences the finding."""
        return finding.place.file == self.file and finding.code in self.codes.get(finding.place.line, ())

    def unknown(self, known: set[str]) -> Iterator[tuple[Place, str]]:
        """Yields (place, code) of every code that there is not."""
        yield from ((place, code) for place, code in self.places if code not in known)
