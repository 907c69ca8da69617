"""How the rows of a public home become the columns that a task names: one small section of a source in task.yaml.

Tasks are written for one documented shape, JSON lines with a column for each thing. Public homes have others: tokens in
columns, an abstract a line, one file for all splits. A Shape says the difference once, so that the task stays one.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from promptsci.spec.document import Record

Column = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
WHOLE = "all"
"""The split that ``shares`` divides."""


class Conll(Record):
    """A file with a token a line and a blank line between sentences: which of a line's columns are read.

    Columns count from 1, and from the end when below 0; what parts them is white space. Each sentence is a row with the
    columns ``tokens`` and ``tags``; lines that begin with ``-DOCSTART-`` are none.
    """

    tokens: int = 1
    tags: int = -1

    @field_validator("tokens", "tags")
    @classmethod
    def _counts_from_one(cls, number: int) -> int:
        if number == 0:
            raise ValueError("columns count from 1, or from the end as -1")
        return number


class Shape(Record):
    """What is done to the rows of a source, in the order of these keys.

    Attributes:
        conll: reads files of tokens and tags, whatever they are called.
        columns: the task's column -> where it stands in the source; ``a.b`` is b inside the object a.
        constant: column -> what it holds in every row.
        each: the task's column -> a column of lists; each element becomes a row. Beside it stand ``position`` (from 0)
            and ``count``, and the id is that of the list (or its number from 0), a hyphen, and the position.
        shares: split -> its share of the source's one split, ``all``. Rows are dealt by a hash of their text, so rows
            with the same text fall into the same split.
    """

    conll: Conll | None = None
    columns: dict[Column, Column] = Field(default_factory=dict)
    constant: dict[Column, str] = Field(default_factory=dict)
    each: dict[Column, Column] = Field(default_factory=dict)
    shares: dict[Column, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Shape:
        if self.shares and len(self.shares) < 2:
            raise ValueError("shares: give at least two splits")
        return self
