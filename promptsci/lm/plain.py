"""The plain scorer: every (prompt, choice) sequence read whole by the model's own forward pass. Slow, and right.

It is the oracle that the shared scorer is checked against, and the way for models that cannot share (recurrent states,
positions that no argument reaches). Only sequences of equal length stand in one batch, so nothing is ever padded.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import torch

from promptsci.errors import ModelError
from promptsci.lm import trie as plan
from promptsci.lm.protocol import Nats, Scored, TokenCount
from promptsci.lm.shared import NO_MEMORY_FIX, free_memory, ran_out_of_memory

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.prompt import Query

LOGITS = 2**26
"""Logits held at once where a model computes them for every position: 256 MiB in float32."""


class Pair(NamedTuple):
    """One choice behind one prompt: what is read, and the tokens that are predicted at its end."""

    choice: int
    read: tuple[int, ...]
    predicted: tuple[int, ...]


class PlainScorer:
    """Scores each (prompt, choice) pair alone, ``batch`` sequences of equal length at a time.

    Choices of one token read the same sequence, which is then read once. When memory runs out the batch is halved, and
    ``warnings`` says so.
    """

    def __init__(self, loaded: LoadedModel, batch: int, tokens: TokenCount, warnings: list[str] | None = None) -> None:
        self.loaded = loaded
        self.batch = batch
        self.tokens = tokens
        self.warnings = [] if warnings is None else warnings
        self._keeps = "logits_to_keep" in inspect.signature(loaded.base.forward).parameters

    def score(
        self, queries: Sequence[Query], known: Collection[int] = (), first: Sequence[int] = ()
    ) -> Iterator[Scored]:
        """Yields each query that is not known: those in ``first``, then the others in order.

        Raises:
            ModelError: memory runs out with one sequence at a time.
        """
        trie = plan.build([plan.Asked(query.ids, query.choice_ids) for query in queries])
        self.tokens.distinct += trie.n_distinct
        self.tokens.unshared += trie.n_unshared
        for index in dict.fromkeys((*first, *range(len(queries)))):
            if index not in known:
                yield Scored(index, self._nats(queries[index]))

    def _nats(self, query: Query) -> Nats:
        prompt = tuple(query.ids.tolist())
        pairs = [Pair(choice, (*prompt, *ids[:-1]), ids) for choice, ids in enumerate(query.choice_ids)]
        by_sequence: dict[tuple[int, ...], list[Pair]] = {}
        for pair in sorted(pairs, key=lambda pair: len(pair.read)):
            by_sequence.setdefault(pair.read, []).append(pair)
        nats: list[tuple[float, ...]] = [()] * len(pairs)
        for _, same_length in groupby(by_sequence, key=len):
            left = list(same_length)
            while left:
                batch = left[: self._rows(len(left[0]))]
                read = self._read([by_sequence[sequence] for sequence in batch])
                if read is None:  # memory ran out; the next try is smaller
                    free_memory(self.loaded)
                    continue
                for pair, values in read:
                    nats[pair.choice] = values
                left = left[len(batch) :]
        return tuple(nats)

    def _rows(self, length: int) -> int:
        """How many sequences of a length are read at once."""
        if self._keeps:
            return self.batch
        return max(1, min(self.batch, LOGITS // (length * int(self.loaded.text_config.vocab_size))))

    def _read(self, readers: Sequence[Sequence[Pair]]) -> list[tuple[Pair, tuple[float, ...]]] | None:
        """Log-likelihoods of pairs, sequences all of one length; None when memory ran out and the batch was halved."""
        try:
            found = self._log_likelihoods(readers)
        except (MemoryError, RuntimeError) as error:
            if not ran_out_of_memory(error):
                raise
            n_tokens = len(readers[0][0].read)
            if len(readers) == 1:
                raise ModelError(f"memory ran out with one sequence of {n_tokens:,} tokens",
                                 fix=NO_MEMORY_FIX) from error  # fmt: skip
            self.batch = len(readers) // 2
            self.warnings.append(
                f"memory ran out with {len(readers)} sequences of {n_tokens:,} tokens; "
                f"{self.batch} at a time were read instead"
            )
            return None
        self.tokens.computed += sum(len(pairs[0].read) for pairs in readers)
        return found

    @torch.inference_mode()
    def _log_likelihoods(self, readers: Sequence[Sequence[Pair]]) -> list[tuple[Pair, tuple[float, ...]]]:
        ids = torch.tensor([pairs[0].read for pairs in readers], device=self.loaded.device)
        n_last = max(len(pair.predicted) for pairs in readers for pair in pairs)
        keep = {"logits_to_keep": n_last} if self._keeps else {}
        logits = self.loaded.model(input_ids=ids, use_cache=False, **keep).logits[:, -n_last:]
        log_probabilities = logits.float().log_softmax(dim=-1)
        flat = [
            (row, n_last - len(pair.predicted) + place, token)
            for row, pairs in enumerate(readers)
            for pair in pairs
            for place, token in enumerate(pair.predicted)
        ]
        values = iter(log_probabilities[torch.tensor(flat, device=ids.device).unbind(dim=1)].tolist())
        return [(pair, tuple(next(values) for _ in pair.predicted)) for pairs in readers for pair in pairs]
