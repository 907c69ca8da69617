"""What a judgement must know of a task, from the task itself or from what a Run says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promptsci.data import read_schema
from promptsci.spec import Task


@dataclass(frozen=True)
class Facts:
    """What a Run says of its task, enough to judge its rows.

    Attributes:
        form: the key of the task's section.
        labels: its labels, types, or top-level fields.
        low: the lower end of its numbers.
        high: the upper end.
        thresholds: label -> the probability from which on it is answered, where each is asked by itself.
    """

    form: str
    labels: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Facts:
        """The facts in a run.json; one that does not say its form is of the first there was."""
        stored = dict(record.get("facts") or {"form": "label"})
        return cls(**{**stored, "labels": tuple(record["labels"])})

    def to_json(self) -> dict[str, Any]:
        """What run.json holds beside the labels."""
        given = {"thresholds": dict(self.thresholds)} if self.thresholds else {}
        return {"form": self.form, "low": self.low, "high": self.high, **given}


def facts_of(task: Task) -> Facts:
    """What a judgement of a task's rows needs to know.

    Raises:
        SpecError: the task's JSON Schema cannot be read.
    """
    labels = tuple(read_schema(task.record, task.folder).get("properties", {})) if task.record else task.labels
    low, high = (task.number.low, task.number.high) if task.number else (0.0, 1.0)
    return Facts(task.form, labels, low, high)
