"""Which shot made it say so: the prompt without one shot, asked again.

Taking a shot out changes all that stands behind it, so the farther a shot, the more must be read again: with k shots as
long as the query, (k + 1) / 2 times the whole prompt. Where that is too much, every shot is first *hidden*: the last
tokens of the prompt, where the answer is decided, and the answer do not see it, while all between, which has seen it,
stays as it is and no position moves. That costs a few tokens. It is an approximation and is called so; the shots that
it finds strongest are then taken out in earnest, as many as the budget allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from promptsci.data import Example
from promptsci.explain.reading import Asker, cost
from promptsci.lm.branch import Branch, branch_of

How = Literal["removed", "hidden", "not asked"]
ANSWERING = 8
"""The last tokens of a prompt: they do not see a hidden shot. More of them were no better an approximation."""
STRANGE = "?"
"""A query that begins as no shot does."""


@dataclass(frozen=True)
class ShotEffect:
    """What a shot does.

    Attributes:
        place: its number among the shots, from 0, the farthest.
        shot: the example.
        change: how much the log-odds fall without it, in nats: above 0 it speaks for the choice; None if not asked.
        how: whether the shot was taken out (exact), hidden (approximate), or neither.
        hidden: the change by hiding, where that was asked too.
    """

    place: int
    shot: Example
    change: float | None
    how: How
    hidden: float | None = None


def shot_effects(asker: Asker, shots: Sequence[Example]) -> list[ShotEffect]:
    """What each shot does, exactly where the budget allows it."""
    effects = [ShotEffect(place, shot, None, "not asked") for place, shot in enumerate(shots)]
    if not shots:
        return effects
    shown = asker.prompt.shots
    removed = asker.branches([asker.prompt.with_shots([*shown[:i], *shown[i + 1 :]]) for i in range(len(shots))])
    if not asker.shares or cost(removed) <= asker.left:
        return _removed(asker, effects, removed, range(len(shots)))
    hiding = hidden_branches(asker)
    asked = _affordable(asker, hiding, list(reversed(range(len(shots)))))
    for place, change in zip(asked, asker.changes([hiding[place] for place in asked]), strict=True):
        effects[place] = replace(effects[place], change=change, how="hidden", hidden=change)
    strongest = sorted(asked, key=lambda place: -abs(effects[place].hidden or 0.0))
    return _removed(asker, effects, removed, _affordable(asker, removed, strongest))


def _affordable(asker: Asker, branches: Sequence[Branch], places: Sequence[int]) -> list[int]:
    """The first of some places, and those behind that still fit, whose branches the budget pays for."""
    left, taken = asker.left, []
    for place in places:
        if branches[place].n_tokens <= left:
            left -= branches[place].n_tokens
            taken.append(place)
    return taken


def _removed(
    asker: Asker, effects: Sequence[ShotEffect], removed: Sequence[Branch], places: Sequence[int]
) -> list[ShotEffect]:
    """The effects, those at some places exact."""
    changes = dict(zip(places, asker.changes([removed[place] for place in places]), strict=True))
    return [
        replace(effect, change=changes[effect.place], how="removed") if effect.place in changes else effect
        for effect in effects
    ]


def hidden_branches(asker: Asker) -> list[Branch]:
    """The prompt with each of its shots out of sight where the answer is decided."""
    ends = shot_ends(asker)
    at = max(ends[-1], len(asker.query.ids) - ANSWERING)
    return [Branch(asker.query, at, (span,)) for span in pairwise(ends)]


def shot_ends(asker: Asker) -> list[int]:
    """[k + 1] tokens of the prompt before the first shot, and up to the end of each."""
    shown = asker.prompt.shots
    cut = [replace(asker.prompt.with_shots(shown[:n]), query=STRANGE) for n in range(len(shown) + 1)]
    ends = [branch_of(asker.query.ids, query).at for query in asker.encoder.encode(cut)]
    rising: list[int] = np.maximum.accumulate(ends).tolist()
    return rising
