"""What is learned from: prompts with their choices and the right one, in the order that a seed gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptsci.lm.trie import Asked
from promptsci.prompt import Query

Objective = Literal["choice", "lm"]
OBJECTIVES: tuple[Objective, ...] = ("choice", "lm")


@dataclass(frozen=True)
class Lesson:
    """One labelled example: the very query that ``run`` scores, and which of its choices is right.

    Attributes:
        id: of the example.
        query: its prompt and choices.
        gold: the number of the right choice.
        weight: how much it counts; 1 on average over the train rows.
    """

    id: str
    query: Query
    gold: int
    weight: float = 1.0

    def asked(self, objective: Objective) -> Asked:
        """The token ids that an objective reads: all choices, or the right one alone."""
        choices = self.query.choice_ids
        return Asked(self.query.ids, choices if objective == "choice" else choices[self.gold : self.gold + 1])

    def n_tokens(self, objective: Objective) -> int:
        """Tokens that are read when each of its sequences is read whole."""
        asked = self.asked(objective)
        return sum(len(asked.prompt) + len(ids) - 1 for ids in asked.choices)


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
