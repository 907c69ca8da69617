"""A prompt that stays read: prompts that begin like it are scored from where they differ.

Keys and values of a token depend only on what stands before it, so that those of one prompt serve all that begin
alike, in this call and in all later ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from promptsci.lm import trie as plan
from promptsci.lm.protocol import Scored
from promptsci.lm.shared import PackReader
from promptsci.lm.trie import Asked, Ints

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Query

States = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values ``[1, heads, n, head_dim]`` of each layer."""
Behind = Callable[[Sequence["Query"], Collection[int], Sequence[int], States], Iterator[Scored]]
"""Scores queries behind tokens that are read already."""
AT_LEAST = 0.5
"""Prompts that share half as much as the one that shares most are scored together, behind what all of them share."""


@dataclass(frozen=True)
class Group:
    """Queries that are scored together.

    Attributes:
        numbers: their numbers.
        queries: what is left of them behind the tokens that are read already.
        states: keys and values of those tokens; none where nothing is shared.
    """

    numbers: list[int]
    queries: list[Query]
    states: States


class Warm:
    """The keys and values of one prompt, behind the virtual tokens of an adapter.

    Args:
        tokens: of the prompt [T].
        root: how many virtual tokens stand before them.
        states: keys and values of both.
    """

    def __init__(self, tokens: Ints, root: int, states: States) -> None:
        self.tokens = tokens
        self.root = root
        self.states = states

    @classmethod
    def read(cls, loaded: LoadedModel, query: Query, pack_tokens: int) -> Warm:
        """The prompt of a query, read."""
        trie = plan.build([Asked(query.ids, ((0,),))])
        packs = plan.cut(trie, pack_tokens)
        reader = PackReader(loaded, trie, packs)
        for pack in packs:
            reader.read(pack)
        # One chain: behind the root stand the path and the last pack, in order and without a gap.
        n = reader.root + len(query.ids)
        filled = [path for path in reader.cache.paths if path.is_initialized]
        states = [(path.keys[:, :, :n].clone(), path.values[:, :, :n].clone()) for path in filled]
        return cls(np.asarray(query.ids, dtype=np.int32), reader.root, states)

    def score(
        self, queries: Sequence[Query], known: Collection[int], first: Sequence[int], behind: Behind
    ) -> Iterator[Scored]:
        """Yields what ``behind`` finds for what is left of the queries behind the tokens that are read already."""
        for group in self.groups(queries):
            places = {number: place for place, number in enumerate(group.numbers)}
            asked = [places[number] for number in first if number in places]
            left_out = {places[number] for number in known if number in places}
            for scored in behind(group.queries, left_out, asked, group.states):
                yield Scored(group.numbers[scored.index], scored.nats)

    def groups(self, queries: Sequence[Query]) -> list[Group]:
        """The queries, those that begin like the prompt apart from the others."""
        shared = [self.shared(query.ids) for query in queries]
        least = max(1, int(AT_LEAST * max(shared, default=0)))
        warm = [number for number, n in enumerate(shared) if n >= least]
        cold = [number for number, n in enumerate(shared) if n < least]
        found = [Group(cold, [queries[number] for number in cold], ())] if cold else []
        if warm:
            n = min(shared[number] for number in warm)
            rest = [replace(queries[number], ids=queries[number].ids[n:]) for number in warm]
            found.append(Group(warm, rest, self.beginning(n)))
        return found

    def beginning(self, n: int) -> States:
        """Keys and values of the first n tokens, and of the virtual ones before them; none where n is 0."""
        stop = self.root + n
        return [(keys[:, :, :stop], values[:, :, :stop]) for keys, values in self.states] if n else ()

    def shared(self, ids: Ints) -> int:
        """Tokens that a prompt shares from its beginning on; at least its last one is left to be read."""
        n = min(len(ids) - 1, len(self.tokens))
        differs = np.flatnonzero(ids[:n] != self.tokens[:n])
        return int(differs[0]) if len(differs) else n
