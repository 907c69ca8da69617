"""Which rows are train, validation and test: as files and columns say, or split by a hash where nothing says it."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptsci.author.table import Table, spelled
from promptsci.data.formats import Row
from promptsci.errors import DataError

SHARES = {"test": 0.2, "validation": 0.2}
"""The rest is train."""


def split_rows(
    rows: Sequence[Row], fields: Sequence[str], label: str, *, by_label: bool = True
) -> dict[str, list[Row]]:
    """Split -> rows in file order; rows without a right answer, which column ``label`` holds, are in none.

    Within a label (or, without ``by_label``, among all rows), texts are ranked by their SHA-256, so neither the order
    of the rows nor their number decides where a row goes first. Rows with the same text (case and white space folded)
    stand in the same split, even with different labels, so that no test text stands in train.
    """
    place = _places(rows, fields, label, by_label=by_label)
    parts: dict[str, list[Row]] = {"train": [], "validation": [], "test": []}
    for row in rows:
        if row.get(label) not in (None, ""):
            parts[place[_key(row, fields)]].append(row)
    return {name: part for name, part in parts.items() if part}


def _places(rows: Sequence[Row], fields: Sequence[str], label: str, *, by_label: bool) -> Mapping[str, str]:
    """Folded text -> split, a share of the texts of each label in each."""
    labels: dict[str, str] = {}
    for row in rows:
        if row.get(label) not in (None, ""):
            labels.setdefault(_key(row, fields), spelled(row[label]) if by_label else "")
    alike: dict[str, list[str]] = defaultdict(list)
    for key, gold in labels.items():
        alike[gold].append(key)
    place: dict[str, str] = {}
    for keys in alike.values():
        ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
        for name, share in SHARES.items():
            n_rows = max(1, round(share * len(keys))) if len(keys) > len(SHARES) else 0
            place |= dict.fromkeys(ranked[:n_rows], name)
            ranked = ranked[n_rows:]
        place |= dict.fromkeys(ranked, "train")
    return place


def _key(row: Row, fields: Sequence[str]) -> str:
    return " ".join(" ".join(str(row.get(field) or "") for field in fields).split()).casefold()


@dataclass(frozen=True)
class Splits:
    """Where each split's rows stand.

    Attributes:
        files: split -> file, as task.yaml names it.
        rows: split -> how many rows it has.
        written: file in the task's folder -> rows to write there; none where the user's own files are named.
        about: what the splits are told by, and how large they are.
    """

    files: dict[str, str]
    rows: dict[str, int]
    written: Mapping[str, Sequence[Row]]
    about: str


def splits_of(table: Table, folder: Path, fields: Sequence[str], label: str, *, by_label: bool = True) -> Splits:
    """The splits of a table: in the user's own files, or in files to be written beside task.yaml.

    Raises:
        DataError: too few rows to be split.
    """
    named = {name: _used_as(name, table) for name in table.rows}
    stands_in = named.get("validation") == "test"
    why = f"{table.why}: {_counted(table.rows)}"
    why += "; there is no test split, so validation is used as test" if stands_in else ""
    if not table.is_split or "test" not in named.values():
        return _split_here(table, fields, label, by_label=by_label)
    rows = {named[name]: part for name, part in table.rows.items()}
    counts = {name: len(part) for name, part in rows.items()}
    if table.files:
        return Splits({named[name]: place(path, folder) for name, path in table.files.items()}, counts, {}, why)
    return _beside(rows, why)


def in_place(table: Table, folder: Path) -> Splits:
    """The files of a ranking where they stand: documents, queries, and the splits of the judgements.

    Raises:
        DataError: no file of judgements is a test split.
    """
    if "test" not in table.files:
        fix = "Add test.tsv or the like, with the columns query_id, doc_id and relevance."
        raise DataError("no file has judgements for a test split", where=str(table.origin), fix=fix)
    files = {name: place(path, folder) for name, path in table.files.items()}
    return Splits(files, {}, {}, f"{table.why}: {_counted(table.rows)}")


def _used_as(name: str, table: Table) -> str:
    """The split that rows are used as: without a test split, validation stands in for it."""
    stands_in = name == "validation" and "test" not in table.rows and "train" in table.rows
    return "test" if stands_in else name


def _split_here(table: Table, fields: Sequence[str], label: str, *, by_label: bool) -> Splits:
    rows = [row for part in table.rows.values() for row in part]
    parts = split_rows(rows, fields, label, by_label=by_label)
    if "test" not in parts or len(parts) < 2:
        what = f"{table.n_rows} rows are too few to be split into train and test"
        raise DataError(what, where=str(table.origin), fix="Give three rows of each label or more.")
    left_out = len(rows) - sum(map(len, parts.values()))
    why = "no file or column is a test split" if table.is_split else table.why
    how = "label by label and like texts together" if by_label else "like texts together"
    about = f"{why}; split here, {how}: {_counted(parts)}"
    return _beside(parts, about + (f"; {left_out} rows without a right answer left out" if left_out else ""))


def _beside(parts: Mapping[str, Sequence[Row]], about: str) -> Splits:
    """Splits that are written as JSON lines beside task.yaml."""
    files = {name: f"{name}.jsonl" for name in parts}
    counts = {name: len(part) for name, part in parts.items()}
    return Splits(files, counts, {files[name]: part for name, part in parts.items()}, about)


def _counted(parts: Mapping[str, Sequence[object]]) -> str:
    return ", ".join(f"{name} {len(rows)}" for name, rows in parts.items())


def place(path: Path, folder: Path) -> str:
    """A file as task.yaml in ``ROOT/tasks/NAME`` names it: from there where it stands below ROOT, otherwise in full."""
    whole, root = path.resolve(), folder.resolve().parent.parent
    return Path(os.path.relpath(whole, folder.resolve())).as_posix() if whole.is_relative_to(root) else str(whole)
