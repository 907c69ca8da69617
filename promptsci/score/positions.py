"""Whether a model likes a position: the same rows with their options in several orders, and where the answers stand."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
LETTERS = string.ascii_uppercase


def position_bias(orders: Sequence[Sequence[Row]]) -> dict[str, Any]:
    """How answers depend on where an option stands, from decided rows of the same examples in several orders.

    Args:
        orders: for each order the rows of predictions.jsonl; those of an order that is not the data's say ``order``.

    Returns:
        ``positions``: letter -> the share of rows that answer it (``answered``), in which it is right (``right``), and
        the share of rows with it as the right answer that are answered rightly (``accuracy``; None where there are
        none); ``same_option``: the share of examples that are answered with the same option in every order;
        ``always_right``: the share that are right in every order; ``orders`` and ``n``.
    """
    rows = [row for each in orders for row in each if row.get("gold") is not None]
    answered, right = Counter(row["label"] for row in rows), Counter(row["gold"] for row in rows)
    hits = Counter(row["gold"] for row in rows if row["label"] == row["gold"])
    options: dict[str, set[str]] = {}
    always: dict[str, bool] = {}
    for row in rows:
        options.setdefault(row["id"], set()).add(_own_letter(row))
        always[row["id"]] = always.get(row["id"], True) and row["label"] == row["gold"]
    letters = sorted({*answered, *right})
    return {
        "orders": len(orders),
        "n": len(options),
        "positions": {
            letter: {
                "answered": answered[letter] / len(rows),
                "right": right[letter] / len(rows),
                "accuracy": hits[letter] / right[letter] if right[letter] else None,
            }
            for letter in letters
        },
        "same_option": sum(len(each) == 1 for each in options.values()) / len(options),
        "always_right": sum(always.values()) / len(always),
    }


def _own_letter(row: Row) -> str:
    """The letter that the answered option has in the data."""
    order = row.get("order")
    label: str = row["label"]
    return label if order is None else order[LETTERS.index(label)]
