"""The plain scorer: every (prompt, choice) sequence read whole, as the model's own forward pass reads it. Slow, and right.

It is the oracle that the shared scorer is checked against, and the way for models that cannot share (recurrent states, positions
that no argument reaches). Only sequences of equal length stand in one batch, so nothing is ever padded.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import torch

from promptsci.lm.protocol import Nats, Scored, TokenCount

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Query


class Pair(NamedTuple):
    """One (query, choice) pair: what is read, and the tokens that are predicted at its end."""

    query: int
    choice: int
    read: list[int]
    predicted: tuple[int, ...]


class PlainScorer:
    """Scores each (prompt, choice) pair alone, ``batch`` sequences of equal length at a time."""

    def __init__(self, loaded: LoadedModel, batch: int, tokens: TokenCount) -> None:
        self.loaded = loaded
        self.batch = batch
        self.tokens = tokens
        self._keeps = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    def score(self, queries: Sequence[Query], known: Collection[int] = ()) -> Iterator[Scored]:
        """Yields each query that is not known, in order."""
        for index, query in enumerate(queries):
            pairs = [
                Pair(index, choice, [*query.ids.tolist(), *ids[:-1]], ids)
                for choice, ids in enumerate(query.choice_ids)
            ]
            self.tokens.unshared += sum(len(pair.read) for pair in pairs)
            self.tokens.distinct += _distinct(pairs)
            if index in known:
                continue
            self.tokens.computed += sum(len(pair.read) for pair in pairs)
            nats: list[tuple[float, ...]] = [()] * len(pairs)
            for batch in self._batches(pairs):
                for pair, values in zip(batch, self._forward(batch), strict=True):
                    nats[pair.choice] = tuple(values)
            whole: Nats = tuple(nats)
            yield Scored(index, whole)

    def _batches(self, pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
        for _, same in groupby(sorted(pairs, key=lambda pair: len(pair.read)), key=lambda pair: len(pair.read)):
            equal = list(same)
            for start in range(0, len(equal), self.batch):
                yield equal[start : start + self.batch]

    @torch.inference_mode()
    def _forward(self, batch: Sequence[Pair]) -> list[list[float]]:
        """Log-likelihoods of each pair's predicted tokens, in nats."""
        ids = torch.tensor([pair.read for pair in batch], device=self.loaded.device)
        longest = max(len(pair.predicted) for pair in batch)
        keep = {"logits_to_keep": longest} if self._keeps else {}
        logits = self.loaded.model(input_ids=ids, use_cache=False, **keep).logits[:, -longest:].float()
        log_probabilities = logits.log_softmax(dim=-1)
        return [
            [float(rows[longest - len(pair.predicted) + place, token]) for place, token in enumerate(pair.predicted)]
            for pair, rows in zip(batch, log_probabilities, strict=True)
        ]


def _distinct(pairs: Sequence[Pair]) -> int:
    """Nodes of the trie of one query's sequences."""
    if not pairs:
        return 0
    stem = len(pairs[0].read) - len(pairs[0].predicted) + 1
    return stem + len({pair.predicted[: i + 1] for pair in pairs for i in range(len(pair.predicted))})
