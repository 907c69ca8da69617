"""What one labelling of a file is asked to do, beside the settings of the method that labels it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Prior = Literal["rows", "validation"]
"""Over which rows the ``batch`` rule takes its means: those that are labelled, as ``run`` does, or labelled ones."""


@dataclass(frozen=True)
class PredictSettings:
    """The settings of one labelling.

    Attributes:
        data: the file whose rows are labelled.
        out: the file to write; its ending says the format.
        where: column -> value that a row must have to be labelled.
        limit: how many of those rows, the first ones; None is all.
        error: how often label sets may miss, and what share of kept decisions may be wrong.
        prior: of the ``batch`` rule.
        overwrite: whether a file that somebody else wrote may be replaced.
    """

    data: str
    out: str
    where: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    error: float = 0.1
    prior: Prior = "rows"
    overwrite: bool = False
