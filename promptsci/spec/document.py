"""YAML read as text, with the line of every value, and checked against a record.

YAML 1.1 turns ``yes`` and ``no`` into booleans, ``1e3`` into a string and ``2019-01-02`` into a date. Labels are words,
so every scalar is read as the text that stands there and converted only by the type of the record's field.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from promptsci.errors import PromptsciError, SpecError, coded, did_you_mean, raise_all

Place = tuple[str | int, ...]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
R = TypeVar("R", bound="Record")

SAFE_DEPTH = 100


class Record(BaseModel):
    """A frozen record whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@dataclass(frozen=True)
class Document:
    """A YAML text: its value with every scalar as text, and where each part of it stands."""

    value: Mapping[str, Any]
    file: str
    places: Mapping[Place, tuple[int, int]]

    def where(self, path: Place = ()) -> str:
        """``file:line:column`` of the value at path, or of its nearest parent that stands in the text."""
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        return f"{self.file}:{line}:{column}"


@coded("PS002")
def parse(text: str, file: str, first_line: int = 1) -> Document:
    """The document in a YAML text whose top is a mapping.

    Args:
        text: the YAML.
        file: its name, for messages.
        first_line: the line of the file on which the text starts (front matter starts below its ``---``).

    Raises:
        SpecError: not YAML, not a mapping, or a key given twice.
        Problems: several such problems.
    """
    try:
        node = _composed(text)
    except yaml.YAMLError as error:
        line, problem = _fault(error, text)
        raise SpecError(f"this is not YAML: {problem}", where=f"{file}:{line + first_line}") from error
    except RecursionError as error:
        raise SpecError("the YAML is nested too deeply", where=file) from error
    reader = _Reader(file, first_line)
    value = reader.read(node, ()) if node is not None else {}
    raise_all(reader.problems)
    if not isinstance(value, dict):
        raise SpecError("expected 'key: value' lines", where=f"{file}:{first_line}")
    return Document(value, file, reader.places)


def _composed(text: str) -> yaml.Node | None:
    """The nodes of a YAML text; None for an empty one.

    They come from libyaml, twenty times as fast, where PyYAML was built with it. What it refuses is read again by
    PyYAML's own parser, which says better what is wrong. Deep nesting, which ends libyaml in a crash and takes PyYAML
    the square of its depth, reaches neither.

    Raises:
        RecursionError: the text is nested too deeply.
    """
    if yaml.__with_libyaml__:
        try:
            _check_depth(text, yaml.CBaseLoader)
            return yaml.compose(text, Loader=yaml.CBaseLoader)
        except yaml.YAMLError:
            pass
    _check_depth(text, yaml.BaseLoader)
    return yaml.compose(text, Loader=yaml.BaseLoader)


def _check_depth(text: str, loader: Any) -> None:
    """Nothing where lists and mappings stand in each other to a sane depth; what is no YAML is not judged here.

    A second reading by libyaml takes no longer than making nodes of the events of the first one by one.
    """
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > SAFE_DEPTH:
            raise RecursionError


def _fault(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line, counted from 0, and what is wrong there."""
    if isinstance(error, yaml.reader.ReaderError):
        return text[: error.position].count("\n"), f"character U+{error.character:04X} is not allowed"
    mark = getattr(error, "problem_mark", None)
    return (mark.line if mark else 0), getattr(error, "problem", None) or str(error).splitlines()[0]


_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq")}


class _Reader:
    """Turns YAML nodes into values, and notes where each of them stands and what is wrong with it."""

    def __init__(self, file: str, first_line: int) -> None:
        self.file = file
        self.first_line = first_line
        self.places: dict[Place, tuple[int, int]] = {}
        self.problems: list[PromptsciError] = []
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, path: Place) -> Any:
        """The value of a node."""
        self.places[path] = self._place(node)
        if id(node) in self._seen:  # *name is the very node that &name stands before
            self._problem("'*' stands for another value here", node, "Write the value out.")
            return ""
        self._seen.add(id(node))
        if node.tag not in _PLAIN_TAGS:
            self._problem(f"the tag '{node.tag}' means nothing here", node, "Remove it; every value is read as text.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._text(node)

    def _mapping(self, node: yaml.MappingNode, path: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem("a key is one word or text", key_node, None)
                continue
            key = self._text(key_node)
            if key in result:
                self._problem(f"'{key}' is given twice", key_node, "Remove one of them.")
                continue
            here = (*path, key)
            result[key] = self.read(value_node, here)
            self.places[here] = self._place(key_node)
        return result

    def _text(self, node: yaml.Node) -> str:
        text = str(node.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._problem("this text holds half of a character", node, "Write the whole character.")
            return ""
        return text

    def _place(self, node: yaml.Node) -> tuple[int, int]:
        return node.start_mark.line + self.first_line, node.start_mark.column + 1

    def _problem(self, what: str, node: yaml.Node, fix: str | None) -> None:
        line, column = self._place(node)
        self.problems.append(SpecError(what, where=f"{self.file}:{line}:{column}", fix=fix))


@coded("PS003")
def validate(record: type[R], document: Document) -> R:
    """The document as a record; every problem in it is raised at once, each with its line.

    Raises:
        SpecError: one problem.
        Problems: several.
    """
    try:
        return record.model_validate(document.value)
    except ValidationError as error:
        problems = [_problem(record, document, dict(found)) for found in error.errors(include_url=False)]
    raise_all(problems)
    raise AssertionError("a validation error holds at least one problem")


NAME_FORM = r"^[a-z0-9][a-z0-9.-]*$"
SHA256_FORM = r"^[0-9a-f]{64}$"
_FORMS = {
    NAME_FORM: "a name: names are made of lower-case letters, digits, hyphens and dots",
    SHA256_FORM: "a SHA-256: it has 64 digits 0-9 and a-f",
}
_EXPECTED = {
    "dict_type": "expected 'key: value' lines",
    "model_type": "expected 'key: value' lines",
    "list_type": "expected a list",
    "string_type": "expected text",
    "string_too_short": "the text is empty",
    "int_parsing": "expected a whole number",
    "float_parsing": "expected a number",
}


def _problem(record: type[Record], document: Document, found: Mapping[str, Any]) -> SpecError:
    path: Place = tuple(found["loc"])
    kind, given = str(found["type"]), found["input"]
    name = ".".join(str(part) for part in path)
    where = document.where(path)
    if kind == "extra_forbidden":
        return SpecError(
            f"unknown key '{name}'", where=where, fix=did_you_mean(str(path[-1]), _keys(record, path[:-1]))
        )
    if kind == "missing":
        return SpecError(f"'{name}' is missing", where=where)
    if kind == "literal_error":
        known = typing.get_args(_annotation(record, path))
        return SpecError(f"{name}: '{given}' is not known", where=where, fix=did_you_mean(str(given), known))
    if kind == "string_pattern_mismatch":
        form = found["ctx"]["pattern"]
        return SpecError(f"{name}: '{given}' is not {_FORMS.get(form, f'of the form {form}')}", where=where)
    message = _EXPECTED.get(kind) or str(found["msg"]).removeprefix("Value error, ")
    return SpecError(f"{name}: {message}" if name else message, where=where)


def _keys(record: type[Record], path: Place) -> list[str]:
    """Keys that the record at path knows."""
    nested = _record_in(_annotation(record, path))
    return [info.alias or name for name, info in nested.model_fields.items()] if nested else []


def _annotation(record: type[Record], path: Place) -> Any:
    """The type that a record gives to what stands at path in it."""
    current: Any = record
    for part in path:
        nested = _record_in(current)
        fields = {info.alias or name: info for name, info in nested.model_fields.items()} if nested else {}
        current = fields[str(part)].annotation if part in fields else _item(current)
    return current


def _record_in(annotation: Any) -> type[Record] | None:
    """The Record in ``Record`` or ``Record | None``."""
    if isinstance(annotation, type) and not typing.get_origin(annotation):
        return annotation if issubclass(annotation, Record) else None
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((found for part in typing.get_args(annotation) if (found := _record_in(part))), None)
    return None


def _item(annotation: Any) -> Any:
    """The type of the values of ``dict[str, X]``, ``list[X]``, or of one of them that may be None."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return _item(next((part for part in arguments if part is not type(None)), None))
    return arguments[-1] if arguments else None
