"""The log-likelihoods of one Run as arrays, checked while they are read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from promptsci.errors import RunError, did_you_mean
from promptsci.score.outcomes import NONE, BoolArray, FloatArray, IntArray

Row = Mapping[str, Any]
_AGAIN = "Run the same command with --fresh."


@dataclass(frozen=True, eq=False)
class LogLikelihoods:
    """Log-likelihoods (nats) of every label for every row of one Run.

    Args:
        ids: example ids [N].
        labels: the task's labels in task order [C].
        gold: the right label's position [N], -1 where the row has none.
        seen: the row's text also stands in train [N].
        sum_nats: log-likelihood of the label's words after the prompt [N, C].
        n_tokens: the number of tokens those words have [N, C].
        premise_nats: the same words after the domain premise [N, C], or None.
        content_free_nats: the same words after each of K content-free inputs [N, K, C], or None.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    gold: IntArray
    seen: BoolArray
    sum_nats: FloatArray
    n_tokens: IntArray
    premise_nats: FloatArray | None = None
    content_free_nats: FloatArray | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)


def from_rows(rows: Iterable[Row], labels: Sequence[str], *, references: bool = True) -> LogLikelihoods:
    """The log-likelihoods in rows of predictions.jsonl (kind classification).

    Args:
        rows: one mapping a row, with ``id``, ``gold``, ``seen``, ``nats`` and perhaps ``premise_nats`` and
            ``content_free_nats``.
        labels: the task's labels; their order is the order of the arrays' last axis.
        references: whether to read ``premise_nats`` and ``content_free_nats``, which only some rules need.

    Raises:
        RunError: no rows; an id is missing or stands twice; a label is missing or unknown; a number is missing or not
            finite; a reference score is stored for some rows only.
    """
    names = tuple(labels)
    reader = _Reader(names, references)
    for row in rows:
        reader.add(row)
    if not reader.ids:
        raise RunError("there are no predictions to score", fix=_AGAIN)
    return LogLikelihoods(
        ids=tuple(reader.ids),
        labels=names,
        gold=np.array(reader.gold, dtype=np.int64),
        seen=np.array(reader.seen, dtype=np.bool_),
        sum_nats=np.array(reader.sums, dtype=np.float64).reshape(-1, len(names)),
        n_tokens=np.array(reader.lengths, dtype=np.int64).reshape(-1, len(names)),
        premise_nats=reader.references("premise_nats", reader.premises),
        content_free_nats=reader.references("content_free_nats", reader.content_free),
    )


class _Reader:
    """Keeps of each row what a LogLikelihoods holds, so that rows need not all be in memory at once."""

    def __init__(self, labels: tuple[str, ...], references: bool) -> None:
        self.ids: dict[str, int] = {}
        self.gold: list[int] = []
        self.seen: list[bool] = []
        self.sums = array("d")  # one number after the other: lists of lists would keep the garbage collector busy
        self.lengths = array("q")
        self.premises: list[Any] = []
        self.content_free: list[Any] = []
        self._labels = labels
        self._expected = dict.fromkeys(labels).keys()
        self._places: dict[str | None, int] = {None: NONE, **{label: place for place, label in enumerate(labels)}}
        self._references = references

    def add(self, row: Row) -> None:
        """Takes in one row.

        Raises:
            RunError: it cannot be scored.
        """
        key = self._id(row)
        gold = row.get("gold")
        if gold not in self._places:
            raise RunError(
                f"prediction '{key}' has the gold label '{gold}', which the task does not list",
                fix=did_you_mean(str(gold), self._labels),
            )
        self.gold.append(self._places[gold])
        self.seen.append(bool(row.get("seen", False)))
        sums, lengths = self._nats(row.get("nats"), lambda: f"prediction '{key}'")
        self.sums.extend(sums)
        self.lengths.extend(lengths)
        if self._references:
            self._add_references(key, row)

    def _id(self, row: Row) -> str:
        number = len(self.ids) + 1
        if "id" not in row:
            raise RunError(f"prediction {number} has no id", fix=_AGAIN)
        key = str(row["id"])
        if self.ids.setdefault(key, number) != number:
            raise RunError(f"predictions {self.ids[key]} and {number} have the same id '{key}'", fix=_AGAIN)
        return key

    def _add_references(self, key: str, row: Row) -> None:
        premise, fillings = row.get("premise_nats"), row.get("content_free_nats")
        if premise:
            self.premises.append(self._nats(premise, lambda: f"the premise of '{key}'")[0])
        if fillings:
            self.content_free.append(
                [
                    self._nats(filling, lambda number=number: f"content-free input {number} of '{key}'")[0]  # type: ignore[misc]
                    for number, filling in enumerate(fillings)
                ]
            )

    def references(self, name: str, found: list[Any]) -> FloatArray | None:
        """Reference scores as an array, or None where no row has any.

        Raises:
            RunError: some rows have them and others not, or they have different numbers of them.
        """
        if not found:
            return None
        if len(found) < len(self.ids):
            raise RunError(f"{name} is stored for {len(found)} of {len(self.ids)} predictions only", fix=_AGAIN)
        sizes = {len(one) for one in found}
        if len(sizes) > 1:
            raise RunError(f"predictions have {min(sizes)} to {max(sizes)} content-free inputs", fix=_AGAIN)
        return np.array(found, dtype=np.float64)

    def _nats(self, stored: Any, owner: Callable[[], str]) -> tuple[list[float], list[int]]:
        """Summed log-likelihoods and numbers of tokens of the labels [C]; owner names them, for messages."""
        if not isinstance(stored, dict) or stored.keys() != self._expected:
            raise _misfit(stored, self._labels, owner())
        parts = [stored[label] for label in self._labels]
        if not all(parts):
            empty = self._labels[[bool(part) for part in parts].index(False)]
            raise RunError(f"{owner()} has no log-likelihoods for the label '{empty}'", fix=_AGAIN)
        sums = [sum(part) for part in parts]
        if not all(map(isfinite, sums)):
            place = [isfinite(total) for total in sums].index(False)
            raise RunError(
                f"{owner()} has a log-likelihood for '{self._labels[place]}' that is {sums[place]}", fix=_AGAIN
            )
        return sums, [len(part) for part in parts]


def _misfit(stored: Any, labels: tuple[str, ...], owner: str) -> RunError:
    """Why these are not the log-likelihoods of the labels."""
    if not isinstance(stored, Mapping):
        return RunError(f"{owner} has no log-likelihoods", fix=_AGAIN)
    for label in labels:
        if label not in stored:
            return RunError(f"{owner} has no log-likelihoods for the label '{label}'", fix=_AGAIN)
    unknown = next(label for label in stored if label not in labels)
    return RunError(f"{owner} scores '{unknown}', which the task does not list", fix=did_you_mean(unknown, labels))
