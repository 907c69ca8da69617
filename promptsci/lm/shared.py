"""Scores every distinct token once: packs of a trie read behind one cached path.

Exactness does not rest on a list of model families: before a model is trusted with packs, a probe reads a small random
trie both ways. Models that cannot (recurrent states, positions that no argument reaches) fail it and are scored one by
one, and say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from promptsci.errors import ModelError
from promptsci.lm import trie as plan
from promptsci.lm.head import body, log_likelihoods
from promptsci.lm.masks import check_can_share, layer_kinds, masks, pack_masks
from promptsci.lm.path_cache import PathCache
from promptsci.lm.protocol import Nats, Scored, TokenCount
from promptsci.lm.trie import Asked, Pack, Target, Trie
from promptsci.lm.virtual import n_virtual, virtual_tokens

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.lm.warm import States, Warm
    from promptsci.prompt import Query

LEAST_PACK_TOKENS = 16
"""Below this many tokens in one pass memory is not the packs' to save."""
SIGNS_OF_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate", "cannot allocate memory")
NO_MEMORY_FIX = "Close what else uses the memory, take --dtype bfloat16 or a smaller model, or use fewer shots."


class PackReader:
    """Reads packs of one trie in order, keeping the keys and values of the path to the next.

    Args:
        loaded: the model that reads.
        trie: what is read.
        packs: in what parts.
        warm: keys and values of tokens that stand before every sequence of the trie and were read before.
        room: tokens that others may read behind the path in one pass.

    Raises:
        NotImplementedError: the model cannot read packs, and why.
    """

    def __init__(
        self, loaded: LoadedModel, trie: Trie, packs: Sequence[Pack], warm: States = (), room: int = 0
    ) -> None:
        self.loaded = loaded
        self.trie = trie
        self._body = body(loaded)
        self._kinds = layer_kinds(loaded.text_config)
        check_can_share(loaded, self._body)
        longest = max((pack.stop - pack.start for pack in packs), default=0)
        depth = int(trie.depths.max(initial=-1)) + 1
        self.root = warm[0][0].shape[2] if warm else n_virtual(loaded)
        self.cache = PathCache(loaded.text_config.num_hidden_layers, depth + max(longest, room), self.root)
        self._last = np.zeros(depth + 1, dtype=np.int32)
        if warm:
            self._put_root(warm)
        elif self.root:
            self._read_root()

    @torch.inference_mode()
    def _read_root(self) -> None:
        """Puts the adapter's virtual tokens into the first slots."""
        virtual = virtual_tokens(self.loaded)
        assert virtual is not None
        self._put_root(virtual.states)
        if virtual.embeddings is not None:
            places = torch.arange(self.root, device=self.loaded.device)
            seen = (places[None, :] <= places[:, None])[None]
            self._body(
                inputs_embeds=virtual.embeddings,
                attention_mask=masks(self.loaded, self._kinds, seen, places[None, :, None], places[None, None, :]),
                position_ids=places[None],
                past_key_values=self.cache,
                use_cache=True,
            )
            for path in self.cache.paths:
                path.length = self.root

    def _put_root(self, states: States) -> None:
        for path, (keys, values) in zip(self.cache.paths, states, strict=False):
            path.update(keys, values)
            path.length = self.root

    @torch.inference_mode()
    def read(self, pack: Pack) -> torch.Tensor:
        """[T, H] hidden states of a pack's nodes. Packs that are needed must have been read before."""
        depths = self.trie.depths[pack.start : pack.stop]
        self.cache.move_to(self._last[: depths[0]].copy(), self.loaded.device)
        self.cache.pack_start = pack.start
        tokens = torch.as_tensor(self.trie.tokens[pack.start : pack.stop], dtype=torch.long, device=self.loaded.device)
        hidden: torch.Tensor = self._body(
            input_ids=tokens[None],
            attention_mask=pack_masks(self.loaded, self._kinds, self.trie, pack, self.root),
            position_ids=torch.as_tensor(self.root + depths, dtype=torch.long, device=self.loaded.device)[None],
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self._check_filled()
        self._last[depths] = np.arange(pack.start, pack.stop, dtype=np.int32)
        return hidden[0]

    def slots(self, node: int) -> list[int]:
        """[root + depth + 1] where the cache holds the path to a node of the pack read last, itself included."""
        start, n_path = self.cache.pack_start, self.root + len(self.cache.nodes)
        inside = np.flatnonzero(self.trie.ends[start : node + 1] > node)
        above = self.root + int(self.trie.depths[start + inside[0]])
        return [*range(above), *(inside + n_path).tolist()]

    def _check_filled(self) -> None:
        # Layers that keep a state of their own never write here; what they remember of the path would be lost.
        expected = len(self.cache.paths) - (getattr(self.loaded.text_config, "num_kv_shared_layers", 0) or 0)
        if self.cache.n_filled < expected:
            raise NotImplementedError(f"only {self.cache.n_filled} of {expected} layers keep keys and values")


class SharedScorer:
    """Scores queries over one trie a call, in packs of at most ``pack_tokens`` tokens.

    When memory runs out the packs are halved, for this call and those that follow, and ``warnings`` says so.
    """

    def __init__(
        self, loaded: LoadedModel, pack_tokens: int, tokens: TokenCount, warnings: list[str] | None = None
    ) -> None:
        self.loaded = loaded
        self.pack_tokens = pack_tokens
        self.tokens = tokens
        self.warnings = [] if warnings is None else warnings
        self.warm: Warm | None = None

    def score(
        self, queries: Sequence[Query], known: Collection[int] = (), first: Sequence[int] = ()
    ) -> Iterator[Scored]:
        """Yields each query that is not known when its last token is scored, those in ``first`` as early as can be.

        Raises:
            ModelError: memory runs out even in the smallest packs.
        """
        if self.warm is None:
            return self._score(queries, known, first, ())
        return self.warm.score(queries, known, first, self._score)

    def _score(
        self, queries: Sequence[Query], known: Collection[int], first: Sequence[int], warm: States
    ) -> Iterator[Scored]:
        trie = plan.build([Asked(query.ids, query.choice_ids) for query in queries], first)
        self.tokens.distinct += trie.n_distinct
        self.tokens.unshared += trie.n_unshared
        collector = Collector(queries, known)
        while collector.is_open:
            try:
                yield from self._read(trie, collector, warm)
            except (MemoryError, RuntimeError) as error:
                if not ran_out_of_memory(error):
                    raise
                halved = self._halved()
                self.warnings.append(
                    f"memory ran out in packs of {self.pack_tokens} tokens; packs of {halved} were read instead"
                )
                self.pack_tokens = halved
            # Outside the handler, whose traceback holds on to what is to be freed.
            if collector.is_open:
                free_memory(self.loaded)

    def _read(self, trie: Trie, collector: Collector, warm: States) -> Iterator[Scored]:
        """Reads what the open queries need, and no more."""
        packs = plan.cut(trie, self.pack_tokens)
        by_pack = _by_pack(trie, packs)
        wanted = {i for i, targets in enumerate(by_pack) if any(map(collector.wants, targets))}
        reader = PackReader(self.loaded, trie, packs, warm)
        for index in plan.needed(trie, packs, wanted):
            hidden = reader.read(packs[index])
            self.tokens.computed += packs[index].stop - packs[index].start
            if index in wanted:
                # All targets of the pack, known ones too: the shapes that are multiplied decide the last bits.
                yield from collector.take(by_pack[index], self._nats(packs[index], hidden, by_pack[index]))

    @torch.inference_mode()
    def _nats(self, pack: Pack, hidden: torch.Tensor, targets: Sequence[Target]) -> list[float]:
        asked = sorted({(target.node - pack.start, target.token) for target in targets})
        rows, tokens = torch.tensor(asked, device=hidden.device).unbind(dim=1)
        found = dict(zip(asked, log_likelihoods(self.loaded, hidden, rows, tokens).tolist(), strict=True))
        return [found[target.node - pack.start, target.token] for target in targets]

    def _halved(self) -> int:
        if self.pack_tokens // 2 < LEAST_PACK_TOKENS:
            raise ModelError(f"memory ran out with {self.pack_tokens} tokens in one pass",
                             fix=NO_MEMORY_FIX)  # fmt: skip
        return self.pack_tokens // 2


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; PyTorch says it in several ways."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error).lower()
    return any(sign in words for sign in SIGNS_OF_NO_MEMORY)


def free_memory(loaded: LoadedModel) -> None:
    """Gives back what PyTorch keeps for later, so that it can be divided anew."""
    if loaded.device.type == "cuda":
        torch.cuda.empty_cache()


def _by_pack(trie: Trie, packs: Sequence[Pack]) -> list[list[Target]]:
    """The targets that each pack answers."""
    nodes = np.asarray([target.node for target in trie.targets], dtype=np.int64)
    bounds = np.searchsorted(nodes, [pack.start for pack in packs] + [len(trie)])
    return [list(trie.targets[a:b]) for a, b in pairwise(bounds)]


class Collector:
    """Gathers the log-likelihoods of the queries that are not known as their tokens come in."""

    def __init__(self, queries: Sequence[Query], known: Collection[int]) -> None:
        unknown = set(range(len(queries))) - set(known)
        self._open: dict[int, list[list[float | None]]] = {
            i: [[None] * len(ids) for ids in queries[i].choice_ids] for i in unknown
        }
        self._left = {i: sum(map(len, queries[i].choice_ids)) for i in unknown}

    @property
    def is_open(self) -> bool:
        """Whether anything is still asked."""
        return bool(self._open)

    def wants(self, target: Target) -> bool:
        """Whether the log-likelihood of a target is still asked."""
        choices = self._open.get(target.query)
        return choices is not None and choices[target.choice][target.place] is None

    def take(self, targets: Sequence[Target], nats: Sequence[float]) -> Iterator[Scored]:
        """Yields the queries that these log-likelihoods complete."""
        for target, value in zip(targets, nats, strict=True):
            if not self.wants(target):
                continue
            index = target.query
            self._open[index][target.choice][target.place] = value
            self._left[index] -= 1
            if not self._left[index]:
                whole: Nats = tuple(tuple(v for v in choice if v is not None) for choice in self._open.pop(index))
                yield Scored(index, whole)
