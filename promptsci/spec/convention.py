"""What papers did: the metrics they judged by, and the figures they state; read from task.yaml."""

from __future__ import annotations

from pydantic import Field

from promptsci.spec.document import Record, Text


class PublishedFigure(Record):
    """A figure that a paper states: a marked row of a comparison, never part of a test."""

    method: Text
    metric: Text
    value: float = Field(ge=-1, le=1)
    source: Text
    note: Text | None = None


class Convention(Record):
    """How a paper judged: its metrics, the first of which decides; for ``compare --as-in NAME``."""

    metrics: list[Text] = Field(min_length=1)
    source: Text
    about: Text | None = None
