"""Scores every distinct token once: packs of a trie read behind one cached path.

Exactness does not rest on a list of model families: before a model is trusted with packs, a probe reads a small random trie both
ways. Models that cannot (recurrent states, positions that no argument reaches) fail it and are scored one by one, and say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from promptsci.lm import trie as plan
from promptsci.lm.head import body, log_likelihoods
from promptsci.lm.path_cache import PathCache
from promptsci.lm.protocol import Nats, Scored, TokenCount
from promptsci.lm.trie import Asked, Ints, Pack, Target, Trie

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Query


class PackReader:
    """Reads packs of one trie in order, keeping the keys and values of the path to the next."""

    def __init__(self, loaded: LoadedModel, trie: Trie, packs: Sequence[Pack]) -> None:
        self.loaded = loaded
        self.trie = trie
        longest = max((pack.stop - pack.start for pack in packs), default=0)
        depth = int(trie.depths.max(initial=-1)) + 1
        self.cache = PathCache(loaded.text_config.num_hidden_layers, depth + longest)
        self._last = np.zeros(depth + 1, dtype=np.int32)
        self._body = body(loaded)

    @torch.inference_mode()
    def read(self, pack: Pack) -> torch.Tensor:
        """[T, H] hidden states of a pack's nodes. Packs that are needed must have been read before."""
        depths = self.trie.depths[pack.start : pack.stop]
        self.cache.move_to(self._last[: depths[0]].copy(), self.loaded.device)
        self.cache.pack_start = pack.start
        n_path = int(depths[0])
        tokens = torch.as_tensor(self.trie.tokens[pack.start : pack.stop], dtype=torch.long, device=self.loaded.device)
        hidden: torch.Tensor = self._body(
            input_ids=tokens[None],
            attention_mask=masks(self.loaded, depths, n_path),
            position_ids=torch.as_tensor(depths, dtype=torch.long, device=self.loaded.device)[None],
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self._last[depths] = np.arange(pack.start, pack.stop, dtype=np.int32)
        return hidden[0]


def masks(loaded: LoadedModel, depths: Ints, n_path: int) -> Any:
    """What each node of a pack may see: one ``[1, 1, T, P + T]`` mask, or one for each kind of layer that the model has.

    A node sees the part of the path above its topmost ancestor in the pack, its ancestors in the pack, and itself; in sliding and
    chunked layers, those of them that are near enough by position.
    """
    kinds = layer_kinds(loaded.text_config)
    above = plan.attachments(depths)
    path = np.arange(n_path, dtype=np.int32)
    visible = np.concatenate([path[None, :] < above[:, None], plan.sees(depths)], axis=1)
    positions = np.concatenate([path, depths])
    made = {kind: _mask(loaded, visible & _near(kind, size, depths, positions)) for kind, size in kinds.items()}
    return made if len(made) > 1 else next(iter(made.values()))


def layer_kinds(config: Any) -> dict[str, int]:
    """Kinds of attention layers in a model -> window or chunk in tokens (0 for full attention)."""
    names = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None) or 0
    if not names:
        uses = window and getattr(config, "use_sliding_window", True)
        names = {"sliding_attention" if uses else "full_attention"}
    sizes = {
        "full_attention": 0,
        "sliding_attention": window,
        "chunked_attention": getattr(config, "attention_chunk_size", None) or 0,
    }
    return {name: sizes.get(name, 0) for name in sorted(names)}


def _near(kind: str, size: int, depths: Ints, positions: Ints) -> Any:
    if not size:
        return True
    if kind == "chunked_attention":
        return depths[:, None] // size == positions[None, :] // size
    return depths[:, None] - positions[None, :] < size


def _mask(loaded: LoadedModel, visible: Any) -> torch.Tensor:
    allowed = torch.as_tensor(visible, device=loaded.device)[None, None]
    hidden = torch.finfo(loaded.dtype).min
    return torch.zeros(allowed.shape, dtype=loaded.dtype, device=loaded.device).masked_fill_(~allowed, hidden)


class SharedScorer:
    """Scores queries over one trie a call, in packs of at most ``pack_tokens`` tokens."""

    def __init__(self, loaded: LoadedModel, pack_tokens: int, tokens: TokenCount) -> None:
        self.loaded = loaded
        self.pack_tokens = pack_tokens
        self.tokens = tokens

    def score(self, queries: Sequence[Query], known: Collection[int] = ()) -> Iterator[Scored]:
        """Yields each query that is not known when its last token is scored."""
        trie = plan.build([Asked(query.ids, query.choice_ids) for query in queries])
        packs = plan.cut(trie, self.pack_tokens)
        by_pack = _by_pack(trie, packs)
        wanted = [i for i, targets in enumerate(by_pack) if any(t.query not in known for t in targets)]
        collector = Collector(queries, known)
        self.tokens.distinct += trie.n_distinct
        self.tokens.unshared += trie.n_unshared
        reader = PackReader(self.loaded, trie, packs)
        for index in plan.needed(trie, packs, wanted):
            hidden = reader.read(packs[index])
            self.tokens.computed += packs[index].stop - packs[index].start
            yield from collector.take(by_pack[index], self._nats(packs[index], hidden, by_pack[index]))

    @torch.inference_mode()
    def _nats(self, pack: Pack, hidden: torch.Tensor, targets: Sequence[Target]) -> list[float]:
        if not targets:
            return []
        asked = sorted({(target.node - pack.start, target.token) for target in targets})
        rows, tokens = torch.tensor(asked, device=hidden.device).unbind(dim=1)
        found = dict(zip(asked, log_likelihoods(self.loaded, hidden, rows, tokens).tolist(), strict=True))
        return [found[target.node - pack.start, target.token] for target in targets]


def _by_pack(trie: Trie, packs: Sequence[Pack]) -> list[list[Target]]:
    """The targets that each pack answers."""
    nodes = np.asarray([target.node for target in trie.targets], dtype=np.int64)
    bounds = np.searchsorted(nodes, [pack.start for pack in packs] + [len(trie)])
    return [list(trie.targets[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


class Collector:
    """Gathers the log-likelihoods of queries as their tokens come in."""

    def __init__(self, queries: Sequence[Query], known: Collection[int]) -> None:
        self._known = known
        self._open = {i: [[0.0] * len(ids) for ids in query.choice_ids] for i, query in enumerate(queries)}
        self._left = {i: sum(map(len, query.choice_ids)) for i, query in enumerate(queries)}

    def take(self, targets: Sequence[Target], nats: Sequence[float]) -> Iterator[Scored]:
        """Yields the queries that these log-likelihoods complete."""
        for target, value in zip(targets, nats, strict=True):
            index = target.query
            self._open[index][target.choice][target.place] = value
            self._left[index] -= 1
            if not self._left[index]:
                whole: Nats = tuple(tuple(choice) for choice in self._open.pop(index))
                if index not in self._known:
                    yield Scored(index, whole)
