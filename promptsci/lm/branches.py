"""One prompt read once, and other ways on from any place in it: each branch reads only what it does not share.

A branch is a prompt that begins as the first one does. It sees what it shares and its own tokens, at the positions that
it has alone, so its log-likelihoods are those of reading it from its first token on. A branch may also be kept from
seeing spans of what it shares. That is no longer the prompt without them: the tokens between the span and the branch
have seen it, and no position moves up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch

from promptsci.lm import trie as plan
from promptsci.lm.head import body, log_likelihoods
from promptsci.lm.masks import layer_kinds, masks
from promptsci.lm.protocol import Nats, TokenCount
from promptsci.lm.shared import PackReader
from promptsci.lm.trie import Asked, Ints, Trie

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Query

UNREAD = (0,)
"""A choice of one token, which is never read."""


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
    """A prompt that was read, and can be gone on from."""

    tokens: TokenCount

    def score(self, branches: Sequence[Branch]) -> list[Nats]:
        """The log-likelihoods of each branch's choices."""
        ...


@runtime_checkable
class Branching(Protocol):
    """An LM that may read a prompt once and go on from any place in it."""

    def reading(self, query: Query) -> Reading | None:
        """A query's prompt, read; None where the model cannot share what it has read."""
        ...


class SharedReading:
    """Keys and values of one prompt, and passes over branches of at most ``pack_tokens`` tokens each.

    A longer branch is read by itself; it may be longer than the whole prompt with its choices by ``pack_tokens``.

    Raises:
        NotImplementedError: the model cannot read packs, and why.
    """

    def __init__(self, loaded: LoadedModel, query: Query, pack_tokens: int, tokens: TokenCount) -> None:
        self.loaded = loaded
        self.ids = ids = query.ids
        self.pack_tokens = pack_tokens
        self.tokens = tokens
        trie = plan.build([Asked(ids, [UNREAD])])
        packs = plan.cut(trie, pack_tokens)
        self._reader = PackReader(loaded, trie, packs, room=Branch(query, 0).n_tokens + pack_tokens)
        self._kinds = layer_kinds(loaded.text_config)
        for pack in packs:
            self._reader.read(pack)
            tokens.computed += pack.stop - pack.start
        with torch.inference_mode():
            self._reader.cache.move_to(np.arange(len(ids), dtype=np.int32), loaded.device)

    def score(self, branches: Sequence[Branch]) -> list[Nats]:
        """The log-likelihoods of each branch's choices."""
        return [nats for group in self._passes(branches) for nats in self._read(group)]

    def _passes(self, branches: Sequence[Branch]) -> Iterator[list[Branch]]:
        group: list[Branch] = []
        for branch in branches:
            if group and sum(one.n_tokens for one in group) + branch.n_tokens > self.pack_tokens:
                yield group
                group = []
            group.append(branch)
        if group:
            yield group

    @torch.inference_mode()
    def _read(self, group: Sequence[Branch]) -> list[Nats]:
        device = self.loaded.device
        tokens = np.concatenate([branch.trie.tokens for branch in group])
        places = np.concatenate([branch.at + branch.trie.depths for branch in group]) + self._reader.root
        positions = torch.as_tensor(places, dtype=torch.long, device=device)
        seen = torch.cat([torch.arange(self._reader.root + len(self.ids), device=device), positions])
        visible = torch.as_tensor(self._visible(group), device=device)
        hidden = body(self.loaded)(
            input_ids=torch.as_tensor(tokens, dtype=torch.long, device=device)[None],
            attention_mask=masks(self.loaded, self._kinds, visible[None], positions[None, :, None], seen[None, None]),
            position_ids=positions[None],
            past_key_values=self._reader.cache,
            use_cache=True,
        ).last_hidden_state[0]
        self.tokens.computed += len(tokens)
        return list(self._nats(group, hidden))

    def _visible(self, group: Sequence[Branch]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """[T, P + T] what each token of the branches may see of the path and of the branches."""
        root, n_path = self._reader.root, self._reader.root + len(self.ids)
        total = sum(branch.n_tokens for branch in group)
        visible = np.zeros((total, n_path + total), dtype=np.bool_)
        start = 0
        for branch in group:
            n = branch.n_tokens
            rows = slice(start, start + n)
            visible[rows, : root + branch.at] = True
            for first, stop in branch.hidden:
                visible[rows, root + first : root + stop] = False
            index = np.arange(n)
            inside = (index[None, :] <= index[:, None]) & (index[:, None] < branch.trie.ends[None, :])
            visible[rows, n_path + start : n_path + start + n] = inside
            start += n
        return visible

    def _nats(self, group: Sequence[Branch], hidden: torch.Tensor) -> Iterator[Nats]:
        starts = np.cumsum([0, *(branch.n_tokens for branch in group)])
        targets = [
            (int(start) + target.node, target.token, number, target.choice, target.place)
            for number, (branch, start) in enumerate(zip(group, starts, strict=False))
            for target in branch.trie.targets
        ]
        rows, tokens = torch.tensor([target[:2] for target in targets], device=hidden.device).unbind(dim=1)
        values = log_likelihoods(self.loaded, hidden, rows, tokens).tolist()
        found = {target[2:]: value for target, value in zip(targets, values, strict=True)}
        for number, branch in enumerate(group):
            yield tuple(
                tuple(found[number, choice, place] for place in range(len(ids)))
                for choice, ids in enumerate(branch.query.choice_ids)
            )
