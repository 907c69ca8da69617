"""New rows of a task that was tuned already: read, and kept away from the rows that judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promptsci.data import Example, Split, read_dataset, text_key
from promptsci.errors import DataError
from promptsci.pipeline.prepare import Prepared
from promptsci.runs import atomic_file


@dataclass(frozen=True)
class Fresh:
    """New rows.

    Attributes:
        origin: where they stand.
        sha256: of the file.
        rows: those that are learned from, by ids that no other row has.
        left_out: why -> how many rows are not learned from.
    """

    origin: str
    sha256: str
    rows: tuple[Example, ...]
    left_out: dict[str, int]

    @property
    def notes(self) -> list[str]:
        """What the result must say of them."""
        return [f"{n} new rows {why} and are left out" for why, n in self.left_out.items() if n]

    def copy_in(self, folder: Path) -> Path | None:
        """Where a copy of the rows stands beside the weights that learned them; None where they are no file here."""
        origin = Path(self.origin)
        return folder / f"new{''.join(origin.suffixes)}" if origin.is_file() else None

    def write_copy(self, folder: Path) -> None:
        """Puts the copy there: the file may be another by the time that its rows are kept."""
        copy = self.copy_in(folder)
        if copy is not None:
            with atomic_file(copy) as file:
                file.write(Path(self.origin).read_bytes())

    def to_json(self) -> dict[str, Any]:
        """Where they came from, and what was left out."""
        return {"origin": self.origin, "sha256": self.sha256, "rows": len(self.rows), "left_out": dict(self.left_out)}


def fresh_rows(data: str, run: Prepared, validation: Sequence[Example]) -> Fresh:
    """The new rows of a task that may be learned from.

    Rows that stand among those that are scored or decide, by text or by an id of their own, are left out; so is the
    second of two with one text, and one without a label.

    Args:
        data: a file, a folder with ``train``, an address or a Hub id.
        run: the closing run, whose whole split is kept apart.
        validation: rows that decide which weights are the best.

    Raises:
        DataError: there is no row that may be learned from.
    """
    split = _only(data, run)
    frozen = run.dataset.split(run.split).examples
    judging = {"stand in " + run.split: frozen, "stand among the validation rows": validation}
    left_out = dict.fromkeys([*judging, "have no label", "repeat another"], 0)
    ids_count = not all(example.id == f"{split.name}-{at}" for at, example in enumerate(split.examples))
    known = {
        why: ({text_key(row) for row in rows}, {row.id for row in rows} if ids_count else set[str]())
        for why, rows in judging.items()
    }
    seen: set[str] = set()
    kept: list[Example] = []
    for row in split.examples:
        why = _why_not(row, known, seen)
        if why is None:
            seen.add(text_key(row))
            kept.append(replace(row, id=f"new-{split.sha256[:8]}-{row.id}"))
        else:
            left_out[why] += 1
    fresh = Fresh(split.origin, split.sha256, tuple(kept), left_out)
    if not kept:
        said = "; ".join(f"{n} {why}" for why, n in left_out.items() if n)
        raise DataError(f"no new row may be learned from: {said}", where=split.origin, fix="Give other rows.")
    return fresh


def _why_not(row: Example, known: dict[str, tuple[set[str], set[str]]], seen: set[str]) -> str | None:
    """Why a row is not learned from; None where it is."""
    text = text_key(row)
    for why, (texts, ids) in known.items():
        if text in texts or row.id in ids:
            return why
    if row.gold is None:
        return "have no label"
    return "repeat another" if text in seen else None


def _only(data: str, run: Prepared) -> Split:
    """The one split that the data has, or its ``train``.

    Raises:
        DataError: it has several, and none is train.
    """
    splits = read_dataset(run.task, data).splits
    if "train" in splits:
        return splits["train"]
    if len(splits) > 1:
        what = f"which rows are new? There are {', '.join(splits)}"
        raise DataError(what, where=data, fix="Give one file, or a folder with train.jsonl.")
    return next(iter(splits.values()))
