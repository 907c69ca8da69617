"""What is learned from: prompts with their choices and the right one, in the order that a seed gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptsci.lm.trie import Asked
from promptsci.prompt import Query

Objective = Literal["choice", "lm", "pairs"]
OBJECTIVES: tuple[Objective, ...] = ("choice", "lm", "pairs")


@dataclass(frozen=True)
class Lesson:
    """One labelled example: the very query that ``run`` asks, and which of its choices are right.

    The choices form as many groups of equal size as there are right ones, and one of each group is right: all of them
    are one group where a row has one answer, and yes and no are a group where each label is asked by itself. An answer
    that is written is a query's only choice.

    Attributes:
        id: of the example.
        query: its prompt and choices.
        gold: the number of the right choice of each group.
        weight: how much it counts; 1 on average over the train rows.
        others: of a ranking: the same question about documents that should stand below this one (objective ``pairs``).
    """

    id: str
    query: Query
    gold: tuple[int, ...]
    weight: float = 1.0
    others: tuple[Query, ...] = ()

    def asked(self, objective: Objective) -> tuple[Asked, ...]:
        """The token ids that an objective reads: all choices, the right ones alone, or all choices of all documents."""
        if objective == "lm":
            return (Asked(self.query.ids, [self.query.choice_ids[gold] for gold in self.gold]),)
        queries = (self.query, *self.others) if objective == "pairs" else (self.query,)
        return tuple(Asked(query.ids, query.choice_ids) for query in queries)

    def sequences(self, objective: Objective) -> list[Asked]:
        """The same, one choice at a time, in the order of the columns of a grid."""
        return [Asked(asked.prompt, (ids,)) for asked in self.asked(objective) for ids in asked.choices]

    def n_tokens(self, objective: Objective) -> int:
        """Tokens that are read when each of its sequences is read whole."""
        return sum(len(asked.prompt) + len(asked.choices[0]) - 1 for asked in self.sequences(objective))


def steps(lessons: Sequence[Lesson], *, batch: int, epochs: int, seed: int) -> list[list[int]]:
    """Numbers of the lessons of each step, epoch after epoch.

    Each epoch has every lesson once, in an order that depends on the seed, the epoch and the examples' ids, and not on
    how the rows stand in the file; its last step takes what is left.
    """
    found: list[list[int]] = []
    for epoch in range(epochs):
        order = sorted(range(len(lessons)), key=lambda number: _rank(seed, epoch, lessons[number].id))
        found += [order[start : start + batch] for start in range(0, len(order), batch)]
    return found


def _rank(seed: int, epoch: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{epoch}\n{name}".encode()).digest()
