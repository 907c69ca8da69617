"""YAML read as text, with the line of every value, and checked against a record.

YAML 1.1 turns ``yes`` and ``no`` into booleans, ``1e3`` into a string and ``2019-01-02`` into a date. Labels are words, so every
scalar is read as the text that stands there and converted only by the type of the record's field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from promptsci.errors import SpecError, did_you_mean, raise_all

Place = tuple[str | int, ...]
R = TypeVar("R", bound="Record")


class Record(BaseModel):
    """A frozen record whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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


def parse(text: str, file: str, first_line: int = 1) -> Document:
    """The document in a YAML text whose top is a mapping.

    Args:
        text: the YAML.
        file: its name, for messages.
        first_line: the line of the file on which the text starts (front matter starts below its ``---``).

    Raises:
        SpecError: not YAML, not a mapping, or a key given twice.
    """
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (mark.line if mark else 0) + first_line
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpecError(f"this is not YAML: {problem}", where=f"{file}:{line}") from error
    places: dict[Place, tuple[int, int]] = {}
    value = _construct(node, (), file, first_line, places) if node is not None else {}
    if not isinstance(value, dict):
        raise SpecError("expected 'key: value' lines", where=f"{file}:{first_line}")
    return Document(value, file, places)


def _construct(node: yaml.Node, path: Place, file: str, first_line: int, places: dict[Place, tuple[int, int]]) -> Any:
    places[path] = (node.start_mark.line + first_line, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line, column = key_node.start_mark.line + first_line, key_node.start_mark.column + 1
            if key in result:
                raise SpecError(f"'{key}' is given twice", where=f"{file}:{line}:{column}", fix="Remove one of them.")
            result[key] = _construct(value_node, (*path, key), file, first_line, places)
            places[(*path, key)] = (line, column)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, i), file, first_line, places) for i, item in enumerate(node.value)]
    return str(node.value)


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


def _problem(record: type[Record], document: Document, found: Mapping[str, Any]) -> SpecError:
    path: Place = tuple(found["loc"])
    name = ".".join(str(part) for part in path)
    if found["type"] == "extra_forbidden":
        known = _keys_at(record, path[:-1])
        return SpecError(f"unknown key '{name}'", where=document.where(path), fix=did_you_mean(str(path[-1]), known))
    if found["type"] == "missing":
        return SpecError(f"'{name}' is missing", where=document.where(path))
    message = str(found["msg"]).removeprefix("Value error, ")
    subject = f"{name}: {message}" if name else message
    return SpecError(subject[0].lower() + subject[1:] if not name else subject, where=document.where(path))


def _keys_at(record: type[Record], path: Place) -> list[str]:
    """Keys that the record (or the record nested in it at path) knows."""
    current: Any = record
    for part in path:
        fields = getattr(current, "model_fields", {})
        annotation = fields[part].annotation if part in fields else current
        current = _nested_record(annotation) or current
    return [field.alias or name for name, field in getattr(current, "model_fields", {}).items()]


def _nested_record(annotation: Any) -> type[Record] | None:
    """The Record inside ``Record``, ``Record | None`` or ``dict[str, Record]``."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        nested = _nested_record(part)
        if nested is not None:
            return nested
    return None
