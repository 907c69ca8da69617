"""The transformers side of branches: what they share is read once, and each sees that and its own tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from promptsci.lm import trie as plan
from promptsci.lm.branch import Branch
from promptsci.lm.head import body, log_likelihoods
from promptsci.lm.masks import layer_kinds, masks
from promptsci.lm.protocol import Nats, TokenCount
from promptsci.lm.shared import PackReader
from promptsci.lm.trie import Asked

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.lm.warm import Warm
    from promptsci.prompt import Query

UNREAD = (0,)
"""A choice of one token, which is never read."""


class SharedReading:
    """Keys and values of one prompt, and passes over branches of at most ``pack_tokens`` tokens each.

    A longer branch is read by itself; it may be longer than the whole prompt with its choices by ``pack_tokens``.

    Args:
        loaded: the model that reads.
        query: whose prompt is read.
        pack_tokens: tokens in one pass.
        tokens: counts what is read.
        warm: a prompt that was read before; what this one shares with it is not read again.

    Raises:
        NotImplementedError: the model cannot read packs, and why.
    """

    def __init__(
        self, loaded: LoadedModel, query: Query, pack_tokens: int, tokens: TokenCount, warm: Warm | None = None
    ) -> None:
        self.loaded = loaded
        self.ids = ids = query.ids
        self.pack_tokens = pack_tokens
        self.tokens = tokens
        self.n_warm = warm.shared(ids) if warm else 0
        trie = plan.build([Asked(ids[self.n_warm :], [UNREAD])])
        packs = plan.cut(trie, pack_tokens)
        states = warm.beginning(self.n_warm) if warm else ()
        self._reader = PackReader(loaded, trie, packs, states, room=Branch(query, 0).n_tokens + pack_tokens)
        self._root = self._reader.root - self.n_warm
        self._kinds = layer_kinds(loaded.text_config)
        for pack in packs:
            self._reader.read(pack)
            tokens.computed += pack.stop - pack.start
        with torch.inference_mode():
            self._reader.cache.move_to(np.arange(len(trie), dtype=np.int32), loaded.device)

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
        places = np.concatenate([branch.at + branch.trie.depths for branch in group]) + self._root
        positions = torch.as_tensor(places, dtype=torch.long, device=device)
        seen = torch.cat([torch.arange(self._root + len(self.ids), device=device), positions])
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
        root, n_path = self._root, self._root + len(self.ids)
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
