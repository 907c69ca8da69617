"""Whether the named words are the ones: taking them away must move the log-odds more than taking random words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from promptsci.data import Example
from promptsci.explain.reading import Asker, cost
from promptsci.explain.words import Span, WordEffect, word_branches, words_of
from promptsci.prompt import Assembler

DRAWS = 3


@dataclass(frozen=True)
class Faithful:
    """Named words against random ones.

    Attributes:
        named: how much the log-odds fall without the named words, all taken away at once, in nats.
        random: the same without as many random words of the row, a number a draw.
    """

    named: float
    random: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Whether the named words move the log-odds more, whatever the direction, than random ones do on average."""
        return abs(self.named) > fmean(abs(change) for change in self.random)


def deletions(example: Example, named: Sequence[WordEffect], seed: int) -> list[Span]:
    """The named words, and as many words drawn from the row by its id; none where none are to draw."""
    gone = tuple(word for effect in named for word in effect.span)
    words = words_of(example)
    if not gone or len(words) <= len(gone):
        return []
    drawn = random.Random(f"{seed} {example.id}")
    return [gone, *(tuple(drawn.sample(words, len(gone))) for _ in range(DRAWS))]


def check(
    asker: Asker, assembler: Assembler, example: Example, named: Sequence[WordEffect], seed: int
) -> Faithful | None:
    """How the named words stand against random ones; None where that cannot be asked within the budget."""
    branches = word_branches(asker, assembler, example, deletions(example, named, seed))
    if not branches or (asker.shares and cost(branches) > asker.left):
        return None
    first, *others = asker.changes(branches)
    return Faithful(first, tuple(others))
