"""The log-likelihoods of one Run as arrays, checked while they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


def from_rows(rows: Iterable[Row], labels: Sequence[str]) -> LogLikelihoods:
    """The log-likelihoods in rows of predictions.jsonl (kind classification).

    Args:
        rows: one mapping a row, with ``id``, ``gold``, ``seen``, ``nats`` and perhaps ``premise_nats`` and
            ``content_free_nats``.
        labels: the task's labels; their order is the order of the arrays' last axis.

    Raises:
        RunError: no rows; an id is missing or stands twice; a label is missing or unknown; a number is missing or not
            finite; a reference score is stored for some rows only.
    """
    stored = list(rows)
    if not stored:
        raise RunError("there are no predictions to score", fix=_AGAIN)
    ids = _ids(stored)
    names = tuple(labels)
    nats = [_nats(row.get("nats"), names, f"prediction '{key}'") for row, key in zip(stored, ids, strict=True)]
    return LogLikelihoods(
        ids=ids,
        labels=names,
        gold=np.array([_gold(row, key, names) for row, key in zip(stored, ids, strict=True)], dtype=np.int64),
        seen=np.array([bool(row.get("seen", False)) for row in stored], dtype=np.bool_),
        sum_nats=np.array([sums for sums, _ in nats], dtype=np.float64),
        n_tokens=np.array([lengths for _, lengths in nats], dtype=np.int64),
        premise_nats=_premise(stored, ids, names),
        content_free_nats=_content_free(stored, ids, names),
    )


def _ids(rows: Sequence[Row]) -> tuple[str, ...]:
    ids: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if "id" not in row:
            raise RunError(f"prediction {number} has no id", fix=_AGAIN)
        key = str(row["id"])
        if key in ids:
            raise RunError(f"predictions {ids[key]} and {number} have the same id '{key}'", fix=_AGAIN)
        ids[key] = number
    return tuple(ids)


def _gold(row: Row, key: str, labels: tuple[str, ...]) -> int:
    gold = row.get("gold")
    if gold is None:
        return NONE
    if gold not in labels:
        raise RunError(
            f"prediction '{key}' has the gold label '{gold}', which the task does not list",
            fix=did_you_mean(str(gold), labels),
        )
    return labels.index(gold)


def _nats(stored: Any, labels: tuple[str, ...], owner: str) -> tuple[list[float], list[int]]:
    if not isinstance(stored, Mapping):
        raise RunError(f"{owner} has no log-likelihoods", fix=_AGAIN)
    for label in labels:
        if not stored.get(label):
            raise RunError(f"{owner} has no log-likelihoods for the label '{label}'", fix=_AGAIN)
    for label in stored:
        if label not in labels:
            raise RunError(f"{owner} scores '{label}', which the task does not list", fix=did_you_mean(label, labels))
    sums = [float(sum(stored[label])) for label in labels]
    for label, total in zip(labels, sums, strict=True):
        if not np.isfinite(total):
            raise RunError(f"{owner} has a log-likelihood for '{label}' that is {total}", fix=_AGAIN)
    return sums, [len(stored[label]) for label in labels]


def _has_all(rows: Sequence[Row], key: str) -> bool:
    having = sum(1 for row in rows if row.get(key))
    if having not in (0, len(rows)):
        raise RunError(f"{key} is stored for {having} of {len(rows)} predictions only", fix=_AGAIN)
    return having > 0


def _premise(rows: Sequence[Row], ids: tuple[str, ...], labels: tuple[str, ...]) -> FloatArray | None:
    if not _has_all(rows, "premise_nats"):
        return None
    sums = [
        _nats(row["premise_nats"], labels, f"the premise of '{key}'")[0] for row, key in zip(rows, ids, strict=True)
    ]
    return np.array(sums, dtype=np.float64)


def _content_free(rows: Sequence[Row], ids: tuple[str, ...], labels: tuple[str, ...]) -> FloatArray | None:
    if not _has_all(rows, "content_free_nats"):
        return None
    fillings = {len(row["content_free_nats"]) for row in rows}
    if len(fillings) > 1:
        raise RunError(f"predictions have {min(fillings)} to {max(fillings)} content-free inputs", fix=_AGAIN)
    sums = [
        [_nats(filling, labels, f"content-free input {number} of '{key}'")[0] for number, filling in enumerate(stored)]
        for stored, key in zip((row["content_free_nats"] for row in rows), ids, strict=True)
    ]
    return np.array(sums, dtype=np.float64)
