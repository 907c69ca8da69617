"""Rows that nobody has split yet become train, validation and test: by a hash, label by label, like texts together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from promptsci.author.table import spelled
from promptsci.data.formats import Row

SHARES = {"test": 0.2, "validation": 0.2}
"""The rest is train."""


def split_rows(rows: Sequence[Row], fields: Sequence[str], label: str) -> dict[str, list[Row]]:
    """Split -> rows in file order; rows without a label are in none.

    Within a label, texts are ranked by their SHA-256, so neither the order of the rows nor their number decides where a
    row goes first. Rows with the same text (case and white space folded) stand in the same split, even with different
    labels, so that no test text stands in train.
    """
    place = _places(rows, fields, label)
    parts: dict[str, list[Row]] = {"train": [], "validation": [], "test": []}
    for row in rows:
        if row.get(label) not in (None, ""):
            parts[place[_key(row, fields)]].append(row)
    return {name: part for name, part in parts.items() if part}


def _places(rows: Sequence[Row], fields: Sequence[str], label: str) -> Mapping[str, str]:
    """Folded text -> split, a share of the texts of each label in each."""
    labels: dict[str, str] = {}
    for row in rows:
        if row.get(label) not in (None, ""):
            labels.setdefault(_key(row, fields), spelled(row[label]))
    by_label: dict[str, list[str]] = defaultdict(list)
    for key, gold in labels.items():
        by_label[gold].append(key)
    place: dict[str, str] = {}
    for keys in by_label.values():
        ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
        for name, share in SHARES.items():
            n_rows = max(1, round(share * len(keys))) if len(keys) > len(SHARES) else 0
            place |= dict.fromkeys(ranked[:n_rows], name)
            ranked = ranked[n_rows:]
        place |= dict.fromkeys(ranked, "train")
    return place


def _key(row: Row, fields: Sequence[str]) -> str:
    return " ".join(" ".join(str(row.get(field) or "") for field in fields).split()).casefold()
