"""The plain scorer: every (prompt, choice) sequence read whole, as the model's own forward pass reads it. Slow, and right.

It is the oracle that the shared scorer is checked against, and the way for models that cannot share (recurrent states, positions
that no argument reaches). Only sequences of equal length stand in one batch, so nothing is ever padded.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import torch

from promptsci.lm.protocol import Nats, Scored, TokenCount

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Query


class Pair(NamedTuple):
    """One choice behind one prompt: what is read, and the tokens that are predicted at its end."""

    choice: int
    read: tuple[int, ...]
    predicted: tuple[int, ...]


class PlainScorer:
    """Scores each (prompt, choice) pair alone, ``batch`` sequences of equal length at a time.

    Choices of one token read the same sequence, which is then read once.
    """

    def __init__(self, loaded: LoadedModel, batch: int, tokens: TokenCount) -> None:
        self.loaded = loaded
        self.batch = batch
        self.tokens = tokens
        self._keeps = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    def score(self, queries: Sequence[Query], known: Collection[int] = ()) -> Iterator[Scored]:
        """Yields each query that is not known, in order."""
        for index, query in enumerate(queries):
            prompt = tuple(query.ids.tolist())
            pairs = [Pair(choice, (*prompt, *ids[:-1]), ids) for choice, ids in enumerate(query.choice_ids)]
            self.tokens.unshared += sum(len(pair.read) for pair in pairs)
            self.tokens.distinct += len(prompt) + len({ids[: i + 1] for ids in query.choice_ids for i in range(len(ids))})
            if index not in known:
                yield Scored(index, self._nats(pairs))

    def _nats(self, pairs: Sequence[Pair]) -> Nats:
        by_sequence: dict[tuple[int, ...], list[Pair]] = {}
        for pair in sorted(pairs, key=lambda pair: len(pair.read)):
            by_sequence.setdefault(pair.read, []).append(pair)
        nats: list[tuple[float, ...]] = [()] * len(pairs)
        for _, same_length in groupby(by_sequence, key=len):
            sequences = list(same_length)
            for start in range(0, len(sequences), self.batch):
                batch = sequences[start : start + self.batch]
                self.tokens.computed += sum(map(len, batch))
                readers = [by_sequence[sequence] for sequence in batch]
                longest = max(len(pair.predicted) for each in readers for pair in each)
                for rows, each in zip(self._log_probabilities(batch, longest), readers, strict=True):
                    for pair in each:
                        first = longest - len(pair.predicted)
                        nats[pair.choice] = tuple(float(rows[first + i, token]) for i, token in enumerate(pair.predicted))
        return tuple(nats)

    @torch.inference_mode()
    def _log_probabilities(self, sequences: Sequence[Sequence[int]], n_last: int) -> torch.Tensor:
        """[B, n_last, V] log-probabilities at the last positions of sequences of one length."""
        ids = torch.tensor(sequences, device=self.loaded.device)
        keep = {"logits_to_keep": n_last} if self._keeps else {}
        logits = self.loaded.model(input_ids=ids, use_cache=False, **keep).logits[:, -n_last:]
        result: torch.Tensor = logits.float().log_softmax(dim=-1)
        return result
