"""The log-likelihoods of one Run as arrays, checked while they are read."""

from __future__ import annotations

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
        same_labels: whether all rows have the same labels; where a row has fewer, those it lacks have -inf nats.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    gold: IntArray
    seen: BoolArray
    sum_nats: FloatArray
    n_tokens: IntArray
    premise_nats: FloatArray | None = None
    content_free_nats: FloatArray | None = None
    same_labels: bool = True

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
    reader = _read(rows, names, references=references)
    return LogLikelihoods(
        ids=tuple(reader.ids),
        labels=names,
        gold=np.array(reader.gold, dtype=np.int64),
        seen=np.array(reader.seen, dtype=np.bool_),
        sum_nats=np.array(reader.sums, dtype=np.float64),
        n_tokens=np.array(reader.lengths, dtype=np.int64),
        premise_nats=_array(reader.references("premise_nats", reader.premises)),
        content_free_nats=_array(reader.references("content_free_nats", reader.content_free)),
    )


def from_option_rows(rows: Iterable[Row], letters: Sequence[str]) -> LogLikelihoods:
    """The log-likelihoods in rows of predictions.jsonl whose options differ (form options), by letter.

    Reference scores other than the premise's are left out: what they correct is a bias towards fixed words.

    Raises:
        RunError: no rows; an id is missing or stands twice; a row's letters have a gap; a number is missing or not
            finite.
    """
    reader = _read(rows, tuple(letters), references=True, fewer=True)
    n_letters = max(map(len, reader.sums))
    premises = reader.references("premise_nats", reader.premises)
    return LogLikelihoods(
        ids=tuple(reader.ids),
        labels=tuple(letters[:n_letters]),
        gold=np.array(reader.gold, dtype=np.int64),
        seen=np.array(reader.seen, dtype=np.bool_),
        sum_nats=_padded(reader.sums, n_letters, -np.inf),
        n_tokens=_padded(reader.lengths, n_letters, 1).astype(np.int64),
        premise_nats=None if premises is None else _padded(premises, n_letters, 0.0),
        same_labels=False,
    )


def _read(rows: Iterable[Row], labels: tuple[str, ...], *, references: bool, fewer: bool = False) -> _Reader:
    reader = _Reader(labels, references, fewer)
    for row in rows:
        reader.add(row)
    if not reader.ids:
        raise RunError("there are no predictions to score", fix=_AGAIN)
    return reader


def _array(found: Sequence[Any] | None) -> FloatArray | None:
    return None if found is None else np.array(found, dtype=np.float64)


def _padded(parts: Sequence[Sequence[float]], width: int, filling: float) -> FloatArray:
    """[N, width] rows of different lengths, filled up at their ends."""
    table = np.full((len(parts), width), filling)
    for line, part in zip(table, parts, strict=True):
        line[: len(part)] = part
    return table


def row_id(row: Row, earlier: dict[str, int]) -> str:
    """The id of the next row, which is noted under its number.

    Raises:
        RunError: it is missing, or an earlier row has it.
    """
    number = len(earlier) + 1
    if "id" not in row:
        raise RunError(f"prediction {number} has no id", fix=_AGAIN)
    key = str(row["id"])
    if earlier.setdefault(key, number) != number:
        raise RunError(f"predictions {earlier[key]} and {number} have the same id '{key}'", fix=_AGAIN)
    return key


def unique_ids(rows: Iterable[Row]) -> tuple[str, ...]:
    """The ids of stored rows.

    Raises:
        RunError: one is missing or stands twice.
    """
    ids: dict[str, int] = {}
    for row in rows:
        row_id(row, ids)
    return tuple(ids)


class _Reader:
    """Keeps of each row what a LogLikelihoods holds, so that rows need not all be in memory at once.

    With ``fewer`` a row may have only the first of the labels.
    """

    def __init__(self, labels: tuple[str, ...], references: bool, fewer: bool) -> None:
        self.ids: dict[str, int] = {}
        self.gold: list[int] = []
        self.seen: list[bool] = []
        self.sums: list[list[float]] = []
        self.lengths: list[list[int]] = []
        self.premises: list[Any] = []
        self.content_free: list[Any] = []
        self._labels = labels
        self._places: dict[str | None, int] = {None: NONE, **{label: place for place, label in enumerate(labels)}}
        self._references = references
        self._fewer = fewer

    def add(self, row: Row) -> None:
        """Takes in one row.

        Raises:
            RunError: it cannot be scored.
        """
        key = row_id(row, self.ids)
        gold = row.get("gold")
        if gold not in self._places:
            raise RunError(
                f"prediction '{key}' has the gold label '{gold}', which the task does not list",
                fix=did_you_mean(str(gold), self._labels),
            )
        self.gold.append(self._places[gold])
        self.seen.append(bool(row.get("seen", False)))
        sums, lengths = self._nats(row.get("nats"), lambda: f"prediction '{key}'")
        self.sums.append(sums)
        self.lengths.append(lengths)
        if self._references:
            self._add_references(key, row)

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

    def references(self, name: str, found: list[Any]) -> list[Any] | None:
        """Reference scores of all rows, or None where no row has any.

        Raises:
            RunError: some rows have them and others not, or they have different numbers of them.
        """
        if not found:
            return None
        if len(found) < len(self.ids):
            raise RunError(f"{name} is stored for {len(found)} of {len(self.ids)} predictions only", fix=_AGAIN)
        sizes = {len(one) for one in found}
        if len(sizes) > 1 and not self._fewer:
            raise RunError(f"predictions have {min(sizes)} to {max(sizes)} content-free inputs", fix=_AGAIN)
        return found

    def _nats(self, stored: Any, owner: Callable[[], str]) -> tuple[list[float], list[int]]:
        """Summed log-likelihoods and numbers of tokens of the labels [C]; owner names them, for messages."""
        labels = self._labels[: len(stored)] if self._fewer and stored else self._labels
        if not isinstance(stored, dict) or stored.keys() != dict.fromkeys(labels).keys():
            raise _misfit(stored, labels, owner())
        parts = [stored[label] for label in labels]
        if not all(parts):
            empty = labels[[bool(part) for part in parts].index(False)]
            raise RunError(f"{owner()} has no log-likelihoods for the label '{empty}'", fix=_AGAIN)
        sums = [float(sum(part)) for part in parts]
        if not all(map(isfinite, sums)):
            place = [isfinite(total) for total in sums].index(False)
            raise RunError(f"{owner()} has a log-likelihood for '{labels[place]}' that is {sums[place]}", fix=_AGAIN)
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
