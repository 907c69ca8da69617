"""The log-likelihoods of one Run as arrays, checked while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    stored = list(rows)
    if not stored:
        raise RunError("there are no predictions to score", fix=_AGAIN)
    ids, names = unique_ids(stored), tuple(labels)
    sums, lengths = _table([row.get("nats") for row in stored], names, lambda at: f"prediction '{ids[at]}'")
    return LogLikelihoods(
        ids=ids,
        labels=names,
        gold=_gold(stored, ids, names),
        seen=np.array([bool(row.get("seen", False)) for row in stored], dtype=np.bool_),
        sum_nats=sums,
        n_tokens=lengths,
        premise_nats=_premise(stored, ids, names) if references else None,
        content_free_nats=_content_free(stored, ids, names) if references else None,
    )


def unique_ids(rows: Sequence[Row]) -> tuple[str, ...]:
    """The ids of stored rows.

    Raises:
        RunError: one is missing or stands twice.
    """
    ids: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if "id" not in row:
            raise RunError(f"prediction {number} has no id", fix=_AGAIN)
        key = str(row["id"])
        if key in ids:
            raise RunError(f"predictions {ids[key]} and {number} have the same id '{key}'", fix=_AGAIN)
        ids[key] = number
    return tuple(ids)


def _gold(rows: Sequence[Row], ids: Sequence[str], labels: tuple[str, ...]) -> IntArray:
    places: dict[str | None, int] = {None: NONE, **{label: place for place, label in enumerate(labels)}}
    for row, key in zip(rows, ids, strict=True):
        gold = row.get("gold")
        if gold not in places:
            raise RunError(
                f"prediction '{key}' has the gold label '{gold}', which the task does not list",
                fix=did_you_mean(str(gold), labels),
            )
    return np.array([places[row.get("gold")] for row in rows], dtype=np.int64)


def _table(parts: Sequence[Any], labels: tuple[str, ...], owner: Callable[[int], str]) -> tuple[FloatArray, IntArray]:
    """Summed log-likelihoods and numbers of tokens [N, C]; owner names the part at a position, for messages."""
    expected = dict.fromkeys(labels).keys()
    for at, part in enumerate(parts):
        if not isinstance(part, Mapping) or part.keys() != expected:
            raise _misfit(part, labels, owner(at))
    lengths = np.array([[len(part[label] or ()) for label in labels] for part in parts], dtype=np.int64)
    sums = np.array([[sum(part[label] or ()) for label in labels] for part in parts], dtype=np.float64)
    for at, column in np.argwhere((lengths == 0) | ~np.isfinite(sums))[:1]:
        if not lengths[at, column]:
            raise RunError(f"{owner(at)} has no log-likelihoods for the label '{labels[column]}'", fix=_AGAIN)
        total = sums[at, column]
        raise RunError(f"{owner(at)} has a log-likelihood for '{labels[column]}' that is {total}", fix=_AGAIN)
    return sums, lengths


def _misfit(stored: Any, labels: tuple[str, ...], owner: str) -> RunError:
    """Why these are not the log-likelihoods of the labels."""
    if not isinstance(stored, Mapping):
        return RunError(f"{owner} has no log-likelihoods", fix=_AGAIN)
    for label in labels:
        if label not in stored:
            return RunError(f"{owner} has no log-likelihoods for the label '{label}'", fix=_AGAIN)
    unknown = next(label for label in stored if label not in labels)
    return RunError(f"{owner} scores '{unknown}', which the task does not list", fix=did_you_mean(unknown, labels))


def from_option_rows(rows: Iterable[Row], letters: Sequence[str]) -> LogLikelihoods:
    """The log-likelihoods in rows of predictions.jsonl whose options differ (form options), by letter.

    Reference scores other than the premise's are left out: what they correct is a bias towards fixed words.

    Raises:
        RunError: no rows; an id is missing or stands twice; a row's letters have a gap; a number is missing or not
            finite.
    """
    stored = list(rows)
    if not stored:
        raise RunError("there are no predictions to score", fix=_AGAIN)
    ids = unique_ids(stored)
    n_letters = max(len(row.get("nats") or ()) for row in stored)
    names = tuple(letters[:n_letters])
    nats = np.full((len(stored), n_letters), -np.inf)
    n_tokens = np.ones((len(stored), n_letters), dtype=np.int64)
    premise = np.zeros((len(stored), n_letters)) if _has_all(stored, "premise_nats") else None
    for at, row in enumerate(stored):
        own = names[: len(row.get("nats") or ())] or names
        (nats[at, : len(own)],), (n_tokens[at, : len(own)],) = _table(
            [row.get("nats")],
            own,
            lambda _, key=ids[at]: f"prediction '{key}'",  # type: ignore[misc]
        )
        if premise is not None:
            (premise[at, : len(own)],), _ = _table(
                [row["premise_nats"]],
                own,
                lambda _, key=ids[at]: f"the premise of '{key}'",  # type: ignore[misc]
            )
    return LogLikelihoods(
        ids=ids,
        labels=names,
        gold=_gold(stored, ids, names),
        seen=np.array([bool(row.get("seen", False)) for row in stored], dtype=np.bool_),
        sum_nats=nats,
        n_tokens=n_tokens,
        premise_nats=premise,
        same_labels=False,
    )


def _has_all(rows: Sequence[Row], key: str) -> bool:
    having = sum(1 for row in rows if row.get(key))
    if having not in (0, len(rows)):
        raise RunError(f"{key} is stored for {having} of {len(rows)} predictions only", fix=_AGAIN)
    return having > 0


def _premise(rows: Sequence[Row], ids: tuple[str, ...], labels: tuple[str, ...]) -> FloatArray | None:
    if not _has_all(rows, "premise_nats"):
        return None
    return _table([row["premise_nats"] for row in rows], labels, lambda at: f"the premise of '{ids[at]}'")[0]


def _content_free(rows: Sequence[Row], ids: tuple[str, ...], labels: tuple[str, ...]) -> FloatArray | None:
    if not _has_all(rows, "content_free_nats"):
        return None
    fillings = {len(row["content_free_nats"]) for row in rows}
    if len(fillings) > 1:
        raise RunError(f"predictions have {min(fillings)} to {max(fillings)} content-free inputs", fix=_AGAIN)
    sums = [
        _table(
            [row["content_free_nats"][number] for row in rows],
            labels,
            lambda at, number=number: f"content-free input {number} of '{ids[at]}'",  # type: ignore[misc]
        )[0]
        for number in range(fillings.pop())
    ]
    return np.stack(sums, axis=1)
