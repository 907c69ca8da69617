"""Validation rows held out of train where the data has no validation split."""

from __future__ import annotations

from collections.abc import Sequence

from promptsci.data.example import Example, text_key
from promptsci.data.sample import stratified
from promptsci.errors import DataError

SHARE = 0.2


def carve(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """(train, validation): a fifth of the texts held out, stratified by label, drawn by the seed, both in file order.

    Where a fifth is less than two texts a label, as many are held out, but never more than half. Rows with the same
    text (case and white space folded) stay together, so that no text stands in both; so do rows that are only judged
    together, of which then a fifth of the groups is held out.

    Raises:
        DataError: there are fewer than two different texts.
    """
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(_key(example), example)
    if len(first) < 2:
        raise DataError(
            f"train has {len(first)} different labelled texts, too few to hold validation rows out of",
            fix="Give more labelled rows, or a validation split.",
        )
    n_labels = len({example.stratum for example in first.values()})
    n_held = min(max(round(SHARE * len(first)), 2 * n_labels), len(first) // 2)
    held = {_key(example) for example in stratified(list(first.values()), n_held, seed)}
    train = [example for example in examples if _key(example) not in held]
    return train, [example for example in examples if _key(example) in held]


def _key(example: Example) -> str:
    return text_key(example) if example.group is None else example.group
