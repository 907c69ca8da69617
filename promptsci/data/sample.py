"""A seeded, stratified sample: what ``--limit N`` scores, the same rows for every system."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from promptsci.data.example import Example
from promptsci.errors import DataError


def stratified(examples: Sequence[Example], n: int, seed: int) -> list[Example]:
    """A sample of n examples in file order (all when there are fewer), in which each label keeps its share.

    Shares are rounded by largest remainder, ties going to the larger label; unlabelled rows are a label of their own,
    and so are all others where right answers are no labels.
    Within a label rows are ranked by a hash of (seed, id), so neither the order of the rows nor the system matters. Of
    two samples with the same seed, label by label, one lies within the other. The sample of n lies within that of 2n,
    save for a label whose share of n is under half a row: rounding may give it a row at n and none at 2n.

    Rows that are only judged together (the pairs of a query) are drawn together: there n counts queries.

    Raises:
        DataError: n is less than 1.
    """
    if n < 1:
        raise DataError(f"cannot take {n} rows", fix="Give --limit a number of 1 or more.")
    if examples and examples[0].group is not None:
        return _groups(examples, n, seed)
    if n >= len(examples):
        return list(examples)
    by_label: dict[str | None, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        by_label[example.stratum].append(place)
    shares = _shares({label: len(places) for label, places in by_label.items()}, n)
    taken: list[int] = []
    for label, places in by_label.items():
        taken += sorted(places, key=lambda place: _rank(seed, examples[place].id))[: shares[label]]
    return [examples[place] for place in sorted(taken)]


def _groups(examples: Sequence[Example], n: int, seed: int) -> list[Example]:
    groups = dict.fromkeys(example.group or "" for example in examples)
    taken = set(sorted(groups, key=lambda group: _rank(seed, group))[:n])
    return [example for example in examples if example.group in taken]


def _shares(sizes: Mapping[str | None, int], n: int) -> dict[str | None, int]:
    """Label -> how many of n rows; in whole numbers, so that no remainder is lost to floating point."""
    total = sum(sizes.values())
    shares = {label: n * size // total for label, size in sizes.items()}
    left = n - sum(shares.values())
    by_remainder = sorted(sizes, key=lambda label: (-(n * sizes[label] % total), -sizes[label], label or ""))
    for label in by_remainder[:left]:
        shares[label] += 1
    return shares


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{name}".encode()).digest()
