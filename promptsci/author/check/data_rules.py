"""PS4xx: the rows themselves, and a wording on real rows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from promptsci.author.check.findings import Hit, Place
from promptsci.author.check.rules import rule, rules_of
from promptsci.author.check.sources import TaskFile
from promptsci.data import Dataset, Findings, Integrity, Split, gold_reader, integrity, text_key

MAJORITY = 0.9
"""Share of one label above which accuracy says little."""
SHIFT = 0.2
"""Difference of a label's share between two splits that is more than chance in splits of a usual size."""
MANY_RIGHT = ("options", "references", "phrases")
"""Forms in which one text may well have several right answers."""
FEW = 20
"""Rows below which shares say nothing."""


@dataclass(frozen=True)
class Rows:
    """The data of a task that were read, and where the task names them."""

    asked: TaskFile
    dataset: Dataset

    @cached_property
    def integrity(self) -> Integrity:
        """Counts, repeats and overlaps."""
        labels_of = gold_reader(self.asked.task, Findings(self.dataset.origin)).labels
        return integrity(self.dataset, self.asked.task.labels, labels_of)

    def at(self, split: str | None = None) -> Place:
        """Where the task names a split of the data; rows of a file take no comments, so findings stand there."""
        name = self.dataset.source
        source = self.asked.task.data.get(name)
        if source is None:
            return self.asked.at("data")
        kind = "files" if source.files else "urls" if source.urls else "splits"
        given = [key for key in (source.files or source.urls or source.splits) if split in (key, _standard(key))]
        return self.asked.at("data", name, kind, *given[:1])


def _standard(name: str) -> str:
    from promptsci.data.example import split_name

    return split_name(name)


@rule("PS402", "warning", "rows with the same text")
def duplicates(rows: Rows) -> Iterator[Hit]:
    """Repeats count twice in a score, and the interval around it is too narrow."""
    for name, split in rows.dataset.splits.items():
        count = rows.integrity.splits[name].duplicates
        if count:
            ids = _ids(_repeated(split))
            what = f"{count} of {len(split.examples)} rows of {name} repeat the text of another: {ids}"
            yield Hit(rows.at(name), what, "Remove the repeats, or say in the task why they are there.")


@rule("PS403", "warning", "texts stand in two splits")
def leaks(rows: Rows) -> Iterator[Hit]:
    """A model that was shown or trained on a row is not tested by it."""
    for overlap in rows.integrity.overlaps:
        if overlap.rows:
            split, other = rows.dataset.splits[overlap.split], rows.dataset.splits[overlap.other]
            known = {text_key(example) for example in other.examples}
            ids = _ids([example.id for example in split.examples if text_key(example) in known])
            what = f"{overlap.rows} of {len(split.examples)} texts of {split.name} also stand in {other.name}: {ids}"
            yield Hit(rows.at(split.name), what, f"Remove them from {other.name}.")


@rule("PS404", "warning", "one text with two labels")
def label_noise(rows: Rows) -> Iterator[Hit]:
    """One of the labels is wrong, or the text alone does not decide."""
    if rows.asked.task.form in MANY_RIGHT:
        return
    golds: dict[str, set[str]] = defaultdict(set)
    ids: dict[str, list[str]] = defaultdict(list)
    for split in rows.dataset.splits.values():
        for example in split.examples:
            if example.gold is not None:
                golds[text_key(example)].add(json.dumps(example.gold, sort_keys=True))
                ids[text_key(example)].append(example.id)
    noisy = [key for key, found in golds.items() if len(found) > 1]
    if noisy:
        named = _ids([each for key in noisy for each in ids[key]])
        yield Hit(rows.at(), f"texts with more than one label: {len(noisy)} ({named})", "Look at them and settle each.")


@rule("PS405", "warning", "a label without rows")
def no_rows(rows: Rows) -> Iterator[Hit]:
    """No score can be given for it, or no balanced shots be drawn."""
    for name in rows.dataset.splits:
        counts = rows.integrity.splits[name].labels
        missing = [label for label in rows.asked.task.labels if not counts.get(label)]
        if missing and sum(counts.values()):
            what = f"no row of {name} is labelled {' or '.join(missing)}"
            yield Hit(rows.asked.at_label(missing[0]), what, "Remove the label, or add rows.")


@rule("PS406", "warning", "unbalanced splits")
def unbalanced(rows: Rows) -> Iterator[Hit]:
    """Splits that were not drawn alike make shots and thresholds that do not fit the test."""
    shares = {name: _shares(rows.integrity.splits[name].labels) for name in rows.dataset.splits}
    for name, own in shares.items():
        top = max(own, key=own.__getitem__, default=None)
        if top is not None and own[top] > MAJORITY and rows.asked.task.form == "label":
            what = f"{100 * own[top]:.0f} % of {name} are {top}: accuracy says little"
            yield Hit(rows.at(name), what, "Let macro_f1 be the first of the metrics, or add rows of the others.")
    if not shares.get("train"):
        return
    for name in ("validation", "test"):
        for label, share in shares.get(name, {}).items():
            before = shares["train"].get(label, 0.0)
            if abs(share - before) > SHIFT:
                what = f"{label} is {100 * before:.0f} % of train and {100 * share:.0f} % of {name}"
                yield Hit(rows.at(name), what, "Draw the splits alike, or say in the task why they differ.")
                break


@rule("PS408", "warning", "rows without text or label")
def blank(rows: Rows) -> Iterator[Hit]:
    """A row without text asks nothing; one without a label cannot be scored."""
    for name, split in rows.dataset.splits.items():
        found = rows.integrity.splits[name]
        empty = [example.id for example in split.examples if not example.text.strip()]
        if found.blank and empty and any(example.text for example in split.examples):
            yield Hit(rows.at(name), f"{len(empty)} rows of {name} have no text: {_ids(empty)}", "Remove them.")
        bare = [example.id for example in split.examples if example.gold is None]
        if bare:
            yield Hit(rows.at(name), f"{len(bare)} rows of {name} have no label: {_ids(bare)}", "Label or remove them.")


@rule("PS409", "error", "a field is the gold label")
def field_is_label(rows: Rows) -> Iterator[Hit]:
    """A column that repeats the label in other words gives the answer away."""
    labelled = [
        example for split in rows.dataset.splits.values() for example in split.examples if example.gold is not None
    ]
    for field, column in rows.asked.task.fields.items():
        if column in rows.asked.gold_columns or len(labelled) < FEW:
            continue
        values = [str(example.fields.get(field)) for example in labelled]
        if _tells(values, [str(example.gold) for example in labelled]):
            what = f"the field '{field}' has a value of its own for each label: it gives the answer away"
            yield Hit(rows.asked.at("fields", field), what, "Take the field out of the task.")


def _tells(values: Sequence[str], golds: Sequence[str]) -> bool:
    """Whether the values are the labels by other names: as few as the labels, one to one, and both far from unique."""
    pairs = set(zip(values, golds, strict=True))
    return 1 < len(pairs) == len(set(values)) == len(set(golds)) <= len(golds) // 2


@rule("PS410", "error", "a fixed shot is not in the data")
def missing_shot(rows: Rows) -> Iterator[Hit]:
    """Every run with shots would be refused."""
    shots = rows.asked.task.shots
    pool = rows.dataset.splits.get(_standard(shots.from_))
    there = {example.id for example in pool.examples} if pool is not None else set()
    for place, name in enumerate(shots.ids if pool is not None else ()):
        if name not in there:
            what = f"the fixed shot '{name}' is not in {shots.from_}"
            yield Hit(rows.asked.at("shots", "ids", place), what, "Name the id of a row.")


def _repeated(split: Split) -> list[str]:
    seen: set[str] = set()
    again: list[str] = []
    for example in split.examples:
        key = text_key(example)
        if key in seen:
            again.append(example.id)
        seen.add(key)
    return again


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {label: count / total for label, count in Counter(counts).items()} if total >= FEW else {}


def _ids(names: Sequence[str]) -> str:
    """The first few ids, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


RULES = rules_of(globals())
