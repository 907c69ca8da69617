"""What a reader of scores must know of the data: label counts, repeats, and test texts that also stand in train."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from promptsci.data.example import Dataset, Example, Gold, Split, text_key

HELD_OUT = ("validation", "test")


@dataclass(frozen=True)
class SplitIntegrity:
    """Counts of one split.

    ``duplicates`` are rows whose text (case and white space folded) stands in an earlier row; ``conflicting`` are
    distinct texts whose rows have more than one label; ``blank`` are rows with nothing but white space.
    """

    rows: int
    labels: Mapping[str, int]
    unlabelled: int
    blank: int
    duplicates: int
    conflicting: int


@dataclass(frozen=True)
class Overlap:
    """How many rows of ``split`` have a text that also stands in ``other``.

    ``other_label`` of them have a label that no row with their text has there; ``disagreeing`` of them and the rows
    there with their text have more than one label between them.
    """

    split: str
    other: str
    rows: int
    other_label: int
    disagreeing: int


@dataclass(frozen=True)
class Integrity:
    """Counts by split, and overlaps of validation and test with the splits before them."""

    splits: Mapping[str, SplitIntegrity]
    overlaps: tuple[Overlap, ...]

    def overlap(self, split: str, other: str = "train") -> Overlap | None:
        """The overlap of two splits; None when they were not both read."""
        return next((found for found in self.overlaps if (found.split, found.other) == (split, other)), None)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts and lists, for run.json."""
        return {
            "splits": {name: asdict(found) for name, found in self.splits.items()},
            "overlaps": [asdict(found) for found in self.overlaps],
        }


def one_label(gold: Gold) -> tuple[str, ...]:
    """The label that a right answer is; none where it is something else than one word."""
    return (gold,) if isinstance(gold, str) else ()


def integrity(
    dataset: Dataset, labels: Sequence[str] = (), labels_of: Callable[[Gold], Sequence[str]] = one_label
) -> Integrity:
    """The counts of every split that was read.

    Args:
        dataset: the splits.
        labels: counted in their order, even where no row has them.
        labels_of: the labels that are counted for a right answer: ``GoldReader.labels`` of the task.
    """
    keys = {name: [text_key(example) for example in split.examples] for name, split in dataset.splits.items()}
    texts = {name: _labels_by_text(split, keys[name]) for name, split in dataset.splits.items()}
    order = sorted(dataset.splits, key=lambda name: HELD_OUT.index(name) if name in HELD_OUT else -1)
    overlaps = [
        _overlap(dataset.splits[name], keys[name], other, texts[other])
        for place, name in enumerate(order)
        if name in HELD_OUT
        for other in order[:place]
    ]
    splits = {name: _split(split, keys[name], texts[name], labels, labels_of) for name, split in dataset.splits.items()}
    return Integrity(splits, tuple(overlaps))


def seen_ids(dataset: Dataset, split: str, among: str = "train") -> frozenset[str]:
    """Ids of the split's rows whose text also stands in another split; none when that one was not read.

    Raises:
        DataError: the split itself was not read.
    """
    rows = dataset.split(split).examples
    other = dataset.splits.get(among)
    known = {text_key(example) for example in other.examples} if other is not None else set()
    return frozenset(example.id for example in rows if text_key(example) in known)


def _labels_by_text(split: Split, keys: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key, example in zip(keys, split.examples, strict=True):
        found[key].update(_answer(example))
    return dict(found)


def _answer(example: Example) -> set[str]:
    """The right answer as one text, so that answers of every form can be compared; empty where there is none."""
    if example.gold is None:
        return set()
    return {example.gold if isinstance(example.gold, str) else json.dumps(example.gold, sort_keys=True)}


def _split(
    split: Split,
    keys: Sequence[str],
    texts: Mapping[str, set[str]],
    labels: Sequence[str],
    labels_of: Callable[[Gold], Sequence[str]],
) -> SplitIntegrity:
    golds = [example.gold for example in split.examples if example.gold is not None]
    counts = Counter(label for gold in golds for label in labels_of(gold))
    return SplitIntegrity(
        rows=len(keys),
        labels={label: counts[label] for label in (*labels, *sorted(set(counts) - set(labels)))},
        unlabelled=len(keys) - len(golds),
        blank=sum(not key for key in keys),
        duplicates=len(keys) - len(texts),
        conflicting=sum(len(golds) > 1 for golds in texts.values()),
    )


def _overlap(split: Split, keys: Sequence[str], other: str, texts: Mapping[str, set[str]]) -> Overlap:
    seen = [(_answer(example), texts[key]) for key, example in zip(keys, split.examples, strict=True) if key in texts]
    return Overlap(
        split=split.name,
        other=other,
        rows=len(seen),
        other_label=sum(bool(gold and golds) and not gold & golds for gold, golds in seen),
        disagreeing=sum(len(golds | gold) > 1 for gold, golds in seen),
    )
