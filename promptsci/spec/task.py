"""A Task: what is asked (data, labels, metric), read from ``task.yaml``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from promptsci.errors import SpecError
from promptsci.spec.document import NAME_FORM, SHA256_FORM, Document, Record, parse, validate

MAX_BYTES = 200_000
"""Of a task or template: a hundred pages; more would only be slow to read."""

# Words that mean something else inside a template.
_RESERVED = frozenset(
    """and caller choice choices else false False if in is kwargs loop namespace none None not or range self super true
    True varargs""".split()
)

Name = Annotated[str, StringConstraints(pattern=NAME_FORM)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SPLITS = ("train", "validation", "test")
CHOOSERS = ("random", "balanced", "similar", "similar-embedding", "fixed", "first")


class RemoteFile(Record):
    """One file at a URL; bytes and hash make a changed or cut file an error."""

    url: Text
    sha256: Annotated[str, StringConstraints(pattern=SHA256_FORM)] | None = None
    bytes: int | None = None


class Source(Record):
    """Where the data comes from: exactly one of ``files``, ``urls`` and ``path`` (a Hub id)."""

    files: dict[str, Text] | None = None
    urls: dict[str, RemoteFile] | None = None
    path: Text | None = None
    config: Text | None = None
    revision: Text | None = None
    splits: dict[str, Text] = Field(default_factory=dict)
    about: Text | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        given = [name for name in ("files", "urls", "path") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of files (beside task.yaml), urls, path (a Hub id)")
        return self


class LabelColumn(Record):
    """The column that holds the label, the labels in their order, and how other spellings in the data are read."""

    column: Text
    values: list[Text]
    read: dict[str, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> LabelColumn:
        if len(self.values) < 2:
            raise ValueError("give at least two label values")
        if len(set(self.values)) != len(self.values):
            raise ValueError("a label value stands twice")
        unknown = sorted(set(self.read.values()) - set(self.values))
        if unknown:
            raise ValueError(f"read maps to {', '.join(unknown)}, which is not among the values")
        return self


class ShotPolicy(Record):
    """Where shots come from and how they are chosen unless the command says otherwise."""

    from_: Text = Field(default="train", alias="from")
    choose: Literal["random", "balanced", "similar", "similar-embedding", "fixed", "first"] = "balanced"
    ids: list[Text] = Field(default_factory=list)


class Task(Record):
    """What is asked. Fields map a template variable to a column of the data."""

    name: Name
    title: Text
    kind: Literal["classification"]
    domain: Text | None = None
    about: Text | None = None
    paper: Text | None = None
    licence: Text | None = None
    templates: Name | None = None
    data: dict[str, Source]
    fields: dict[str, Text]
    label: LabelColumn
    metrics: list[Text] = Field(default_factory=lambda: ["macro_f1", "accuracy"])
    shots: ShotPolicy = Field(default_factory=ShotPolicy)
    folder: SkipJsonSchema[Path] = Field(default=Path(), exclude=True)  # where task.yaml stands, not a key of it

    @model_validator(mode="after")
    def _sound(self) -> Task:
        if not self.data:
            raise ValueError("data: give at least one source")
        if not self.metrics:
            raise ValueError("metrics: give at least one metric")
        for field in self.fields:
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", field) or field in _RESERVED:
                raise ValueError(f"fields: '{field}' cannot be a template variable")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the task's order."""
        return tuple(self.label.values)


def read_task(path: Path) -> Task:
    """The Task in a task.yaml.

    Raises:
        SpecError: the file is not there, not UTF-8, not YAML, or says something that cannot be meant (file:line).
    """
    document = read_document(path)
    if "folder" in document.value:
        raise SpecError("unknown key 'folder'", where=document.where(("folder",)), fix="Remove it.")
    return validate(Task, document).model_copy(update={"folder": path.parent})


def read_document(path: Path) -> Document:
    """The YAML document in a file, its name kept for messages."""
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a spec file, without a byte order mark and with LF line ends.

    Raises:
        SpecError: the file is not there, too large, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(f"cannot read the file: {reason}", where=str(path)) from error
    if len(raw) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES // 1000} kB"
        raise SpecError(what, where=str(path), fix="A template or task is a page of text.")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SpecError("the file is not UTF-8", where=f"{path}:{line}", fix="Save it as UTF-8.") from error
