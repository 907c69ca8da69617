"""The options of a row in another order, so that a bias for positions shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from promptsci.data.example import Example
from promptsci.data.gold import LETTERS

ORDER = "order"
"""What a row whose options were shuffled says beside its answer: the letter that each option has in the data."""


def shuffled(example: Example, order: int) -> Example:
    """The example with its options in another order, which depends on a number above 0 and on the example's id alone.

    The right answer is still the same option, by its new letter. ``known`` says which letters the options had before.
    """
    options = example.fields["choices"]
    letters = LETTERS[: len(options)]
    places = sorted(range(len(options)), key=lambda place: _rank(order, example.id, place))
    gold = None if example.gold is None else letters[places.index(letters.index(example.gold))]
    return replace(
        example,
        fields={**example.fields, "choices": [options[place] for place in places]},
        gold=gold,
        known={**example.known, ORDER: "".join(letters[place] for place in places)},
    )


def _rank(order: int, name: str, place: int) -> bytes:
    return hashlib.sha256(f"{order}\n{name}\n{place}".encode()).digest()
