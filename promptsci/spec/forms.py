"""What a right answer looks like and where a row holds it: one small section of task.yaml for each form of answer.

A kind of task has one form of answer, or two: extraction asks for spans or for records, generation for one text or for
a list of phrases. The form is named by the section's key, and each room maps forms to its own part in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints, model_validator

from promptsci.spec.document import Record, Text

Kind = Literal["classification", "multilabel", "multiple-choice", "regression", "extraction", "generation", "ranking"]


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


class LabelSet(LabelColumn):
    """The same for a column that holds any number of labels: a list, or a text split at ``separator``."""

    separator: Annotated[str, StringConstraints(min_length=1)] | None = None


class Options(Record):
    """The column with a row's options, and the one that says which is right: by letter or by the option's own text.

    ``read`` tells how other spellings of the letters are read, such as ``{"1": A, "2": B}``.
    """

    column: Text
    answer: Text
    read: dict[str, Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]] = Field(default_factory=dict)


class Number(Record):
    """The column with a number, the range it lies in (ends included), and the decimals it is written with."""

    column: Text
    low: float
    high: float
    decimals: Annotated[int, Field(ge=0, le=12)] = 0

    @model_validator(mode="after")
    def _sound(self) -> Number:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        return self

    def written(self, value: float) -> str:
        """The number as it is written: with its decimals, and no sign before a zero."""
        return f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"


class Spans(Record):
    """Typed stretches of one text: a column of spans with character offsets, or columns of tokens and BIO2 tags.

    ``text`` is the template variable that holds the text; with tokens it is made of them, a space between any two. With
    the scheme IOB1 a span may begin with I-, as B- only parts it from a neighbour of its type; BIO2 data fit it too.
    """

    text: Text = "text"
    types: list[Text]
    column: Text | None = None
    tokens: Text | None = None
    tags: Text | None = None
    scheme: Literal["BIO2", "IOB1"] = "BIO2"

    @model_validator(mode="after")
    def _sound(self) -> Spans:
        if not self.types:
            raise ValueError("give at least one type")
        if len(set(self.types)) != len(self.types):
            raise ValueError("a type stands twice")
        if (self.column is None) == (self.tokens is None) or (self.tokens is None) != (self.tags is None):
            raise ValueError("give column (spans with offsets), or tokens and tags (BIO2)")
        return self


class JsonRecord(Record):
    """The column with a JSON object, and the file beside task.yaml with the JSON Schema that it follows."""

    column: Text
    schema_file: Text = Field(alias="schema")


class References(Record):
    """The column with a reference text or a list of them; ``more`` is a column that lists further ones in some rows.

    The first is what shots show and tuning learns; a prediction is judged by the reference it is nearest to.
    """

    column: Text
    more: Text | None = None


class Phrases(Record):
    """The column that lists the right phrases, and what stands between two phrases of an answer."""

    column: Text
    separator: Annotated[str, StringConstraints(min_length=1)] = "; "


class Relevance(Record):
    """How many documents the first stage (BM25) hands to the model, and from which grade on one is relevant."""

    candidates: Annotated[int, Field(ge=1)] = 50
    at_least: Annotated[float, Field(gt=0)] = 1.0


class Form(NamedTuple):
    """What the form of an answer fixes before any room looks at it.

    Attributes:
        kind: the kind of task it belongs to.
        is_written: whether the model writes the answer; otherwise it scores choices.
        metrics: computed unless task.yaml says otherwise; the first decides comparisons.
        choose: how shots are chosen unless task.yaml says otherwise.
        shown: variables that the instruction and all blocks see.
        row: variables that the input and target blocks see beside the fields.
        answers: variables of the target block; it must use one of them.
    """

    kind: Kind
    is_written: bool
    metrics: tuple[str, ...]
    choose: str
    shown: tuple[str, ...]
    row: tuple[str, ...]
    answers: tuple[str, ...]


FORMS: Mapping[str, Form] = {
    "label": Form("classification", False, ("macro_f1", "accuracy"), "balanced", ("choices",), (), ("choice",)),
    "labels": Form("multilabel", True, ("micro_f1", "macro_f1"), "random", ("choices",), (),
                   ("answer", "label", "choice")),
    "options": Form("multiple-choice", False, ("accuracy",), "random", (), ("choices", "letters"),
                    ("choice", "letter")),
    "number": Form("regression", True, ("spearman", "mae"), "random", ("low", "high", "choices"), (), ("answer",)),
    "spans": Form("extraction", True, ("entity_f1", "partial_f1"), "random", ("choices",), (), ("answer",)),
    "record": Form("extraction", True, ("field_f1",), "random", ("schema",), (), ("answer",)),
    "references": Form("generation", True, ("rouge1", "rouge2", "rougeL"), "random", (), (), ("answer",)),
    "phrases": Form("generation", True, ("f1@5", "f1@10"), "random", ("separator",), (), ("answer",)),
    "relevance": Form("ranking", False, ("ndcg@10", "map"), "balanced", ("choices",), (), ("choice",)),
}  # fmt: skip
"""The forms of answers, by the key of their section."""

KINDS: Mapping[str, tuple[str, ...]] = {
    kind: tuple(name for name, form in FORMS.items() if form.kind == kind)
    for kind in dict.fromkeys(form.kind for form in FORMS.values())
}
"""Kind -> the sections one of which a task of that kind has."""

RELEVANT = ("yes", "no")
"""The labels of a (query, document) pair, and of a label that is asked by itself."""


def said_of(label: str, said: str) -> str:
    """The name of a choice where each label is asked by itself: the label, and yes or no."""
    return f"{label}: {said}"
