"""Rows whose answers are no labels: texts, spans, numbers, sets, records; as a metric of their form sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from promptsci.errors import DataError, RunError
from promptsci.score.decide import normalise
from promptsci.score.facts import Facts
from promptsci.score.loglik import unique_ids
from promptsci.score.outcomes import BoolArray, IntArray
from promptsci.score.thresholds import labels_said

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Answered:
    """Answered rows of one Run.

    Args:
        ids: example ids [N].
        gold: the right answers [N], None where the row has none.
        answers: what was answered [N], None where the answer is invalid, which counts as wrong everywhere.
        seen: the row's text also stands in train [N].
    """

    ids: tuple[str, ...]
    gold: tuple[Any, ...]
    answers: tuple[Any, ...]
    seen: BoolArray

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)

    @property
    def invalid(self) -> int:
        """The number of rows without a valid answer."""
        return sum(answer is None for answer in self.answers)

    def take(self, rows: IntArray) -> Answered:
        """The rows at these positions [M], in their order."""
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            gold=tuple(self.gold[row] for row in rows),
            answers=tuple(self.answers[row] for row in rows),
            seen=self.seen[rows],
        )

    def labelled(self) -> Answered:
        """The rows that have a right answer: the only ones a metric sees.

        Raises:
            DataError: there is no such row.
        """
        places = np.array([place for place, gold in enumerate(self.gold) if gold is not None], dtype=np.int64)
        if not len(places):
            raise DataError(
                f"none of the {len(self)} rows has a right answer, so there is nothing to score",
                fix="Score a split that has them; predictions.jsonl holds the answers all the same.",
            )
        return self.take(places)


def answered(rows: Iterable[Row], facts: Facts) -> Answered:
    """The answers in rows of predictions.jsonl.

    Where choices were scored, it is the expectation of numbers on a scale, or the labels that reach their thresholds.

    Raises:
        RunError: no rows, an id is missing or stands twice, or a row has no answer.
    """
    stored = list(rows)
    if not stored:
        raise RunError("there are no predictions to score", fix="Run the same command with --fresh.")
    return Answered(
        ids=unique_ids(stored),
        gold=tuple(row.get("gold") for row in stored),
        answers=tuple(_answer(row, facts) for row in stored),
        seen=np.array([bool(row.get("seen", False)) for row in stored], dtype=np.bool_),
    )


def _answer(row: Row, facts: Facts) -> Any:
    if "answer" in row:
        return row["answer"]
    if not row.get("nats"):
        raise RunError(f"prediction '{row['id']}' has no answer", fix="Run the same command with --fresh.")
    if facts.form == "labels":
        return labels_said(row["nats"], facts.labels, facts.thresholds)
    return expectation(row["nats"])


def expectation(nats: Mapping[str, list[float]]) -> float:
    """The mean of the numbers that are the keys, each weighted by the probability of its tokens (nats) among them."""
    sums = np.array([sum(tokens) for tokens in nats.values()], dtype=np.float64)
    return float(np.exp(normalise(sums)) @ np.array([float(number) for number in nats]))
