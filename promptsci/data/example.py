"""Example, Split and Dataset: data rows in the words of the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptsci.errors import DataError, did_you_mean

SPLIT_NAMES = {"dev": "validation", "valid": "validation", "val": "validation", "qrels": "test"}


def split_name(name: str) -> str:
    """The split's one name: dev, valid and val are ``validation``, qrels is ``test``; others stay what they are."""
    return SPLIT_NAMES.get(name.lower(), name.lower() if name.lower() in ("train", "validation", "test") else name)


Gold = Any
"""A right answer: JSON-like, in the form that the task's section fixes (``promptsci.data.gold`` lists the forms)."""


@dataclass(frozen=True, slots=True)
class Example:
    """One data row: template variable -> value as it stands in the data, and the right answer (None: not labelled).

    ``known`` is what a judgement must know beside the right answer; it is stored with the prediction.
    """

    id: str
    fields: Mapping[str, Any]
    gold: Gold | None = None
    known: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str | None:
        """What rows belong to that are only judged together: the id of a pair's query; None where each is by itself."""
        return self.known.get("query")

    @property
    def stratum(self) -> str | None:
        """The label whose share samples keep: the right answer where it is one word, else whether there is one."""
        return self.gold if self.gold is None or isinstance(self.gold, str) else "labelled"

    @property
    def text(self) -> str:
        """All text in the fields, in their order, joined by newlines; a list gives its strings."""
        parts: list[str] = []
        for value in self.fields.values():
            if isinstance(value, str):
                parts.append(value)
            elif isinstance(value, list):
                parts += [item for item in value if isinstance(item, str)]
        return "\n".join(parts)


def text_key(example: Example) -> str:
    """The text with case and white space folded: two examples with the same key are duplicates."""
    return " ".join(example.text.split()).casefold()


@dataclass(frozen=True)
class Split:
    """The rows of one split in file order; sha256 is that of the file, or of the rows as JSON for Hub data."""

    name: str
    examples: tuple[Example, ...]
    sha256: str
    origin: str


@dataclass(frozen=True)
class Dataset:
    """What was read: source is the name or path asked for, origin where it stands, splits go by their one name."""

    source: str
    origin: str
    revision: str | None
    about: str | None
    splits: Mapping[str, Split]

    def split(self, name: str) -> Split:
        """The split of that name (``dev`` and the like mean ``validation``).

        Raises:
            DataError: it was not read; the nearest name is given.
        """
        found = self.splits.get(split_name(name))
        if found is None:
            raise DataError(f"there is no split '{name}'", where=self.source, fix=did_you_mean(name, self.splits))
        return found
