"""Answers as text: how a right answer is written for shots and tuning, and how what a model wrote is read.

The two directions of one form stand side by side: what is written here is read here as the same answer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from promptsci.data.example import Example, Gold
from promptsci.data.record import read_schema, schema_fault
from promptsci.data.spans import Span
from promptsci.spec import Task

NO_LABELS = "none"
"""Stands where no label fits: an answer is never empty."""
NOWHERE = -1
"""Start and end of a span whose text does not stand in the source."""
_NUMBER = re.compile(r"[-+\u2212]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


class WrittenForm(Protocol):
    """Writes and reads the answers of one form."""

    def write(self, example: Example) -> str:
        """The right answer of a labelled example as text; ``read`` makes the same answer of it."""
        ...

    def read(self, text: str, example: Example) -> Gold | None:
        """The answer that a text gives about an example, or None where it gives none that is valid."""
        ...

    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema of the written answer; None where it is no JSON."""
        ...


class _Plain:
    def schema(self) -> None:
        """Nothing: the answer is no JSON."""


class LabelList(_Plain):
    """Labels by their words, separated by commas, in the task's order."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words
        self._labels = {_folded(word): label for label, word in words.items()}

    def write(self, example: Example) -> str:
        """The words of the labels, or ``none``."""
        return ", ".join(self.words[label] for label in example.gold or ()) or NO_LABELS

    def read(self, text: str, example: Example) -> tuple[str, ...] | None:  # noqa: ARG002 - the protocol's shape
        """The labels of the first line; None when a part of it is no label."""
        left = _folded(_first_line(text).rstrip("."))
        found: list[str] = []
        while left and left != NO_LABELS:
            # The longest first, as the words of a label may hold a comma or begin like another's.
            near = [words for words in self._labels if left == words or left.startswith(f"{words},")]
            if not near:
                return None
            longest = max(near, key=len)
            found.append(self._labels[longest])
            left = left[len(longest) :].lstrip(", ")
        if not found and left != NO_LABELS:
            return None
        return tuple(label for label in self.words if label in found)


class NumberText(_Plain):
    """A number with the task's decimals."""

    def __init__(self, task: Task) -> None:
        assert task.number is not None
        self.number = task.number

    def write(self, example: Example) -> str:
        """The number."""
        assert example.gold is not None
        return self.number.written(example.gold)

    def read(self, text: str, example: Example) -> float | None:  # noqa: ARG002 - the protocol's shape
        """The first number of the text; None where there is none, or where it lies outside the range."""
        found = _NUMBER.search(text)
        if found is None:
            return None
        value = float(found[0].replace("\u2212", "-").replace(",", "."))
        return value if math.isfinite(value) and self.number.low <= value <= self.number.high else None


class SpanJson:
    """A JSON object: the words of a type, then the texts of its spans in their order."""

    def __init__(self, task: Task, words: Mapping[str, str]) -> None:
        assert task.spans is not None
        self.field = task.spans.text
        self.words = words
        self._types = {word: name for name, word in words.items()}

    def write(self, example: Example) -> str:
        """The spans of the text; types without a span are left out."""
        text: str = example.fields[self.field]
        spans: Sequence[Span] = example.gold or ()
        texts = {
            word: [text[span.start : span.end] for span in spans if span.type == name]
            for name, word in self.words.items()
        }
        return _canonical({word: found for word, found in texts.items() if found})

    def read(self, text: str, example: Example) -> tuple[Span, ...] | None:
        """The spans, by place in the example's text; one whose text does not stand there begins and ends at -1."""
        value = first_object(text)
        if value is None or schema_fault(value, self.schema()) is not None:
            return None
        source = example.fields[self.field]
        taken: set[Span] = set()
        lost: list[Span] = []
        for word, texts in value.items():
            for each in texts:
                places = (Span(start, end, self._types[word]) for start, end in places_of(each, source))
                span = next((place for place in places if place not in taken), None)
                if span is None:
                    lost.append(Span(NOWHERE, NOWHERE, self._types[word]))
                else:
                    taken.add(span)
        return (*sorted(taken), *lost)

    def schema(self) -> dict[str, Any]:
        """An object with a list of texts for each type."""
        texts = {"type": "array", "items": {"type": "string", "minLength": 1}}
        return {"type": "object", "properties": dict.fromkeys(self._types, texts), "additionalProperties": False}


class RecordJson:
    """A JSON object that follows the task's JSON Schema, its keys in the order of the schema."""

    def __init__(self, task: Task) -> None:
        assert task.record is not None
        self._schema = read_schema(task.record, task.folder)

    def write(self, example: Example) -> str:
        """The record."""
        gold: Mapping[str, Any] = example.gold or {}
        order = dict.fromkeys([*self._schema.get("properties", {}), *gold])
        return _canonical({key: gold[key] for key in order if key in gold})

    def read(self, text: str, example: Example) -> dict[str, Any] | None:  # noqa: ARG002 - the protocol's shape
        """The first JSON object of the text; None where it does not follow the schema."""
        value = first_object(text)
        return value if value is not None and schema_fault(value, self._schema) is None else None

    def schema(self) -> dict[str, Any]:
        """The task's own."""
        return self._schema


class FreeText(_Plain):
    """A text as it stands; of several references the first is written."""

    def write(self, example: Example) -> str:
        """The first reference; a blank line in it is one line break, as it would end the answer."""
        references: Sequence[str] = example.gold or ("",)
        return re.sub(r"\s*\n\s*\n\s*", "\n", references[0].strip())

    def read(self, text: str, example: Example) -> str | None:  # noqa: ARG002 - the protocol's shape
        """The text without white space at its ends; None where nothing is left."""
        return text.strip() or None


class PhraseList(_Plain):
    """Phrases with the task's separator between them."""

    def __init__(self, separator: str) -> None:
        self.separator = separator

    def write(self, example: Example) -> str:
        """The phrases."""
        return self.separator.join(example.gold or ())

    def read(self, text: str, example: Example) -> tuple[str, ...] | None:  # noqa: ARG002 - the protocol's shape
        """The phrases of the first line, each once, in their order; None where there is none."""
        parts = _first_line(text).rstrip(".").split(self.separator.strip() or self.separator)
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip())) or None


def places_of(words: str, source: str) -> Iterator[tuple[int, int]]:
    """Where words stand in a text: first as they are between word boundaries, then inside words, then in other case."""
    seen: set[tuple[int, int]] = set()
    exact = re.escape(words)
    bounded = rf"(?<!\w){exact}(?!\w)"
    for pattern, flags in ((bounded, 0), (exact, 0), (bounded, re.IGNORECASE), (exact, re.IGNORECASE)):
        # A lookahead, as mentions may overlap.
        for match in re.finditer(f"(?=({pattern}))", source, flags):
            place = match.span(1)
            if place not in seen and place[0] < place[1]:
                seen.add(place)
                yield place


def first_object(text: str) -> dict[str, Any] | None:
    """The JSON object that begins at the first brace of a text; None where none does."""
    at = text.find("{")
    if at < 0:
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
        if "\\u" in text[at:end]:  # JSON can escape half of a character, which no file can hold
            whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            value = json.loads(whole)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def written_form(task: Task, words: Mapping[str, str]) -> WrittenForm:
    """How answers of a task are written and read, its labels or types by these words."""
    return _WRITTEN[task.form](task, words)


_WRITTEN: Mapping[str, Callable[[Any, Mapping[str, str]], WrittenForm]] = {
    "labels": lambda _task, words: LabelList(words),
    "number": lambda task, _words: NumberText(task),
    "spans": SpanJson,
    "record": lambda task, _words: RecordJson(task),
    "references": lambda _task, _words: FreeText(),
    "phrases": lambda task, _words: PhraseList(task.phrases.separator),
}
