"""What is learned from: prompts with their choices and the right one, in the order that a seed gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
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
        soft: the probability that each choice should have, where an earlier model's answers are to be kept; the groups
            each sum to one. Empty where what is right is learned.
        share: of several tasks that take equal shares of an epoch, the one that it belongs to.
    """

    id: str
    query: Query
    gold: tuple[int, ...]
    weight: float = 1.0
    others: tuple[Query, ...] = ()
    soft: tuple[float, ...] = ()
    share: str = ""

    def asked(self, objective: Objective) -> tuple[Asked, ...]:
        """The token ids that an objective reads: all choices, the right ones alone, or all choices of all documents."""
        if objective == "lm" and not self.soft:
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
    """Numbers of the lessons of each step, epoch after epoch; see `epoch`. The last step of one takes what is left."""
    found: list[list[int]] = []
    for number in range(epochs):
        order = epoch(lessons, number, seed)
        found += [order[start : start + batch] for start in range(0, len(order), batch)]
    return found


def epoch(lessons: Sequence[Lesson], number: int, seed: int) -> list[int]:
    """Numbers of the lessons of one epoch, in an order that depends on seed, epoch and ids, not on that of the rows.

    A lesson without a share comes once. Tasks with shares take turns, each with as many lessons as an equal part of
    all their lessons; each goes through its own in the order of its first, second, ... epoch and begins again when it
    is through. So a small task comes more often than once, a large one goes on in the next epoch, and every step has
    about as much of one as of the other.
    """
    groups = _groups(lessons)
    each = _each(groups)
    found: list[tuple[float, str, int]] = []
    for share, members in groups.items():
        if not share:
            drawn = sorted(members, key=lambda place: _rank(seed, number, lessons[place].id))
        else:
            drawn = _turns(lessons, members, range(number * each, (number + 1) * each), seed)
        found += [((at + 0.5) / len(drawn), share, place) for at, place in enumerate(drawn)]
    return [place for _, _, place in sorted(found, key=lambda one: one[:2])]


def epoch_length(lessons: Sequence[Lesson]) -> int:
    """How many lessons an epoch has."""
    groups = _groups(lessons)
    return len(groups.get("", ())) + _each(groups) * sum(bool(share) for share in groups)


def _groups(lessons: Sequence[Lesson]) -> dict[str, list[int]]:
    """Share -> numbers of its lessons."""
    found: dict[str, list[int]] = {}
    for place, lesson in enumerate(lessons):
        found.setdefault(lesson.share, []).append(place)
    return found


def _each(groups: Mapping[str, Sequence[int]]) -> int:
    """Lessons of each share in an epoch: an equal part of all, rounded up."""
    sizes = [len(members) for share, members in groups.items() if share]
    return -(-sum(sizes) // len(sizes)) if sizes else 0


def _turns(lessons: Sequence[Lesson], members: Sequence[int], wanted: range, seed: int) -> list[int]:
    """The wanted places of the stream in which the lessons of a task follow each other, over and over."""
    orders: dict[int, list[int]] = {}
    found = []
    for at in wanted:
        turn, place = divmod(at, len(members))
        if turn not in orders:
            orders[turn] = sorted(members, key=lambda one: _rank(seed, turn, lessons[one].id))
        found.append(orders[turn][place])
    return found


def _rank(seed: int, epoch: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{epoch}\n{name}".encode()).digest()
