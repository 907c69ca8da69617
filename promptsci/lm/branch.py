"""One prompt read once, and other ways on from any place in it: each branch reads only what it does not share.

A branch is a prompt that begins as the first one does. It sees what it shares and its own tokens, at the positions that
it has alone, so its log-likelihoods are those of reading it from its first token on. A branch may also be kept from
seeing spans of what it shares. That is no longer the prompt without them: the tokens between the span and the branch
have seen it, and no position moves up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from promptsci.lm import trie as plan
from promptsci.lm.protocol import Nats, TokenCount
from promptsci.lm.trie import Asked, Ints, Trie

if TYPE_CHECKING:
    from promptsci.prompt import Query


@dataclass(frozen=True)
class Branch:
    """Another way on from a prompt.

    Attributes:
        query: the prompt that it makes, with its choices.
        at: how many of its tokens are taken from what was read.
        hidden: spans ``(start, stop)`` of them that it does not see.
    """

    query: Query
    at: int
    hidden: tuple[tuple[int, int], ...] = ()

    @cached_property
    def trie(self) -> Trie:
        """What is read of it: the rest of the prompt, and the stems of its choices."""
        return plan.build([Asked(self.query.ids[self.at :], self.query.choice_ids)])

    @property
    def n_tokens(self) -> int:
        """Tokens that are read for it."""
        return len(self.trie)


def branch_of(ids: Ints, query: Query) -> Branch:
    """The branch that makes a query of a prompt that was read; its last token at least is read again."""
    n = min(len(ids), len(query.ids) - 1)
    differs = np.flatnonzero(ids[:n] != query.ids[:n])
    return Branch(query, int(differs[0]) if len(differs) else n)


class Reading(Protocol):
    """A prompt that was read, and can be gone on from.

    Attributes:
        tokens: counts what is read.
        n_warm: tokens of the prompt that had been read for others before.
    """

    tokens: TokenCount
    n_warm: int

    def score(self, branches: Sequence[Branch]) -> list[Nats]:
        """The log-likelihoods of each branch's choices."""
        ...


@runtime_checkable
class Branching(Protocol):
    """An LM that may read a prompt once and go on from any place in it."""

    def reading(self, query: Query) -> Reading | None:
        """A query's prompt, read; None where the model cannot share what it has read."""
        ...
