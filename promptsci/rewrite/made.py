"""Made rows: each names its parent and how it was made, and none repeats a text that is there already."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from promptsci.data import Example, text_key
from promptsci.rewrite.edits import EDITS
from promptsci.rewrite.prose import MARKED, is_prose, rewritten
from promptsci.spec import Task

LABEL_PRESERVING = ("citations", "references", "numbers", "abbreviations", "case")
"""The edits that training rows are made by; typos are left to perturbation."""
EDITS_A_ROW = 2


@dataclass(frozen=True)
class Made:
    """A row that was made of another.

    Attributes:
        example: the row; its id is its own, its right answer the parent's.
        parent: the id of the row that it was made of.
        how: ``edits: citations, case``, ``paraphrase``, ``backtranslate``.
    """

    example: Example
    parent: str
    how: str


@dataclass
class Tally:
    """What became of the rows that were to be made, by reason: ``kept``, or why they were dropped."""

    counts: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, int]:
        """The counts by name."""
        return dict(sorted(self.counts.items()))


class Maker(Protocol):
    """Makes rows in one way."""

    name: str

    def make(self, examples: Sequence[Example], turn: int) -> list[Made]:
        """A row of each example, the same text where nothing could be made; ``turn`` numbers the repetitions."""
        ...


class Edits:
    """Two edits of each row, drawn by its id; others where those find nothing to do."""

    name = "edits"

    def __init__(self, task: Task, seed: int) -> None:
        self.task = task
        self.seed = seed

    def make(self, examples: Sequence[Example], turn: int) -> list[Made]:
        """An edited row of each example."""
        return [self._made(example, turn) for example in examples]

    def _made(self, example: Example, turn: int) -> Made:
        names = list(LABEL_PRESERVING)
        Random(f"{self.seed} {turn} {example.id}").shuffle(names)
        found, used = example, list[str]()
        for name in names:
            edited = rewritten(found, EDITS[name], self.task, str(self.seed), str(turn), name)
            if edited.fields != found.fields and len(used) < EDITS_A_ROW:
                found, used = edited, [*used, name]
        return made_of(example, found.fields, f"edits: {', '.join(used)}", turn)


class Written:
    """Texts written anew by a model, field by field; a text that is no prose stays.

    Args:
        name: of the way.
        task: whose text fields are rewritten.
        write: texts and a seed -> the texts written anew.
    """

    def __init__(self, name: str, task: Task, write: Callable[[Sequence[str], int], list[str]]) -> None:
        self.name = name
        self.task = task
        self.write = write

    def make(self, examples: Sequence[Example], turn: int) -> list[Made]:
        """A rewritten row of each example."""
        places = [
            (number, name)
            for number, example in enumerate(examples)
            for name, value in example.fields.items()
            if name in self.task.fields and isinstance(value, str) and is_prose(value)
        ]
        texts = self.write([examples[number].fields[name] for number, name in places], turn) if places else []
        fields: list[dict[str, Any]] = [dict(example.fields) for example in examples]
        for (number, name), text in zip(places, texts, strict=True):
            fields[number][name] = " ".join(text.split())
        return [made_of(one, new, self.name, turn) for one, new in zip(examples, fields, strict=True)]


def made_of(parent: Example, fields: Any, how: str, turn: int) -> Made:
    """A row made of a parent, with an id that says so."""
    name = f"{parent.id}+{how.partition(':')[0]}{turn}"
    return Made(Example(name, dict(fields), parent.gold, dict(parent.known)), parent.id, how)


class Sieve:
    """Lets rows through that are new: no text of any split, and none made before, stands in them.

    Texts that differ in case and white space only are the same text, but for a row and its own parent.

    Args:
        own: the rows that others are made of.
        held: the rows of all other splits, whose texts are never made.
    """

    def __init__(self, own: Sequence[Example], held: Sequence[Example]) -> None:
        self.own = {text_key(example) for example in own}
        self.held = {text_key(example) for example in held}
        self.made: set[str] = set()

    def why_not(self, parent: Example, made: Made) -> str | None:
        """Why a made row is dropped; None where it may stay, and is known from now on."""
        key, exact = text_key(made.example), made.example.text
        if made.example.fields == parent.fields:
            return "unchanged"
        if any(isinstance(value, str) and not value.strip() for value in made.example.fields.values()):
            return "empty"
        if marks(parent) != marks(made.example):
            return "lost its marked entities"
        if key in self.held:
            return "repeats a text of another split"
        if exact in self.made or (key in self.own and key != text_key(parent)):
            return "repeats a text"
        self.made.add(exact)
        return None


def marks(example: Example) -> list[str]:
    """The marked entities, formulas and addresses of a row, in their order."""
    return [match.group() for value in example.fields.values() if isinstance(value, str)
            for match in MARKED.finditer(value)]  # fmt: skip


def digest(made: Sequence[Made]) -> str:
    """A hash of made rows: their parents, texts and answers."""
    lines = [[one.parent, one.how, one.example.id, dict(one.example.fields), one.example.gold] for one in made]
    return hashlib.sha256(json.dumps(lines, ensure_ascii=False).encode()).hexdigest()
