"""Writes answers: shared prefixes are read once as in scoring, then many answers grow side by side.

The prompts' trie is read pack by pack; where a prompt ends, the keys and values of its path are copied into a row of a
batch. Each row sees its own tokens at its own positions, so an answer is the one that the model writes alone, up to
rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from promptsci.errors import ModelError
from promptsci.lm import trie as plan
from promptsci.lm.answers import Batch, Row, Rules
from promptsci.lm.load import quiet
from promptsci.lm.protocol import Generated, Generation, TokenCount
from promptsci.lm.shared import LEAST_PACK_TOKENS, NO_MEMORY_FIX, PackReader, free_memory, ran_out_of_memory
from promptsci.lm.trie import Ints, Trie

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

MOST_ROWS = 64
"""Answers that grow side by side; beyond it the step costs as much more as it yields."""
CPU_BYTES = 2**30
"""Keys and values of the rows of one batch on a CPU."""


class Generator:
    """Writes answers with a model that reads packs.

    When memory runs out, packs and batches are halved, for this call and those that follow, and ``warnings`` says so.

    Attributes:
        cache_bytes: what the keys and values of a batch may take.
        most_rows: answers that grow side by side at most.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        decode: Callable[[Sequence[int]], str],
        pack_tokens: int = 256,
        tokens: TokenCount | None = None,
        warnings: list[str] | None = None,
    ) -> None:
        self.loaded = loaded
        self.decode = decode
        self.pack_tokens = pack_tokens
        self.most_rows = self._n_rows = MOST_ROWS
        self.cache_bytes = CPU_BYTES
        if loaded.device.type == "cuda":
            self.cache_bytes = torch.cuda.mem_get_info(loaded.device)[0] // 2
        self.tokens = TokenCount() if tokens is None else tokens
        self.warnings = [] if warnings is None else warnings

    def generate(self, prompts: Sequence[Ints], how: Generation) -> Iterator[tuple[int, Generated]]:
        """Yields (number of the prompt, answer) when an answer is finished; equal prompts have one, written once.

        Raises:
            ModelError: memory runs out even in the smallest batches.
        """
        rules = Rules(self.loaded, self.decode, how)
        left = list(range(len(prompts)))
        trie = _trie(prompts)
        self.tokens.distinct += len(trie)
        self.tokens.unshared += sum(map(len, prompts))
        while left:
            try:
                for row, answer in self._pass(rules, trie, _askers(trie, left)):
                    # The last token of an answer is never read.
                    self.tokens.distinct += len(answer.ids) - 1
                    self.tokens.unshared += (len(answer.ids) - 1) * len(row.prompts)
                    left = [index for index in left if index not in row.prompts]
                    yield from ((index, answer) for index in row.prompts)
            except (MemoryError, RuntimeError) as error:
                if not ran_out_of_memory(error):
                    raise
                self._halve()
            # Outside the handler, whose traceback holds on to what is to be freed.
            if left:
                free_memory(self.loaded)
                trie = _trie([prompts[index] for index in left])

    def _pass(self, rules: Rules, trie: Trie, askers: dict[int, list[int]]) -> Iterator[tuple[Row, Generated]]:
        """Reads a trie and writes behind the nodes at which prompts end."""
        nodes = list(askers)
        packs = plan.cut(trie, self.pack_tokens)
        reader = PackReader(self.loaded, trie, packs)
        batch: Batch | None = None
        done = 0
        for pack in packs:
            hidden = reader.read(pack)
            self.tokens.computed += pack.stop - pack.start
            while done < len(nodes) and nodes[done] < pack.stop:
                if batch is None:
                    batch = self._batch(reader, rules, trie.depths[nodes[done:]] + 1)
                node = nodes[done]
                batch.add(rules.row(askers[node], trie.sequence(node)), node, hidden[node - pack.start])
                done += 1
                if batch.is_full:
                    yield from batch.write(self.tokens)
                    batch = None

    def _batch(self, reader: PackReader, rules: Rules, lengths: Ints) -> Batch:
        """A Batch for as many of the next prompts, of these lengths, as fit."""
        slot_bytes = sum(layer.slot_bytes for layer in reader.cache.paths)
        longest = np.maximum.accumulate(lengths[: self.most_rows]).astype(np.int64)
        sizes = np.arange(1, len(longest) + 1) * (reader.root + longest + rules.how.max_tokens) * slot_bytes
        self._n_rows = max(1, int(np.searchsorted(sizes, self.cache_bytes, side="right")))
        return Batch(reader, rules, self._n_rows, int(longest[self._n_rows - 1]))

    def _halve(self) -> None:
        rows, packs = min(self.most_rows, self._n_rows) // 2, self.pack_tokens // 2
        if not rows and packs < LEAST_PACK_TOKENS:
            raise ModelError("memory ran out with one answer at a time", fix=NO_MEMORY_FIX)
        self.most_rows, self.pack_tokens = max(1, rows), max(packs, LEAST_PACK_TOKENS)
        self.warnings.append(
            f"memory ran out while answers were written; at most {self.most_rows} at a time were written next, "
            f"behind packs of {self.pack_tokens} tokens"
        )


def _trie(prompts: Sequence[Ints]) -> Trie:
    # The plan ends each sequence before the token that is predicted; which one that is does not matter here.
    return plan.build([plan.Asked(ids, ((0,),)) for ids in prompts])


def _askers(trie: Trie, numbers: Sequence[int]) -> dict[int, list[int]]:
    """Node at which prompts end -> their numbers, in the order of the nodes."""
    askers: dict[int, list[int]] = {}
    for target in trie.targets:
        askers.setdefault(target.node, []).append(numbers[target.query])
    return askers


class LoneGenerator:
    """Writes answers one by one, as the model's own ``generate`` does: the way for models that cannot share."""

    def __init__(self, loaded: LoadedModel, decode: Callable[[Sequence[int]], str], tokens: TokenCount) -> None:
        self.loaded = loaded
        self.decode = decode
        self.tokens = tokens

    def generate(self, prompts: Sequence[Ints], how: Generation) -> Iterator[tuple[int, Generated]]:
        """Yields (number of the prompt, answer), in order.

        Raises:
            ModelError: memory runs out.
        """
        rules = Rules(self.loaded, self.decode, how)
        self.tokens.distinct += len(_trie(prompts))
        for index, ids in enumerate(prompts):
            try:
                answer = self._write(rules, rules.row([index], ids), ids)
            except (MemoryError, RuntimeError) as error:
                if not ran_out_of_memory(error):
                    raise
                raise ModelError("memory ran out with one answer at a time", fix=NO_MEMORY_FIX) from error
            n_read = len(answer.ids) - 1
            self.tokens.computed += len(ids) + n_read
            self.tokens.unshared += len(ids) + n_read
            self.tokens.distinct += n_read
            yield index, answer

    @torch.inference_mode()
    def _write(self, rules: Rules, row: Row, ids: Ints) -> Generated:
        answers: list[Generated] = []

        def choose(_: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
            """Logits that leave the model no choice but the token taken by our rules."""
            row.ids += rules.pick(logits, [row])
            only = torch.full_like(logits, -torch.inf)
            only[0, row.ids[-1]] = 0.0
            return only

        def ends(*_: Any, **__: Any) -> torch.Tensor:
            answer = rules.finished(row)
            answers.extend([answer] if answer else [])
            return torch.tensor([answer is not None], device=self.loaded.device)

        prompt = torch.as_tensor(ids, dtype=torch.long, device=self.loaded.device)[None]
        with quiet(), _bare_generation(self.loaded.base):
            self.loaded.model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=row.limit,
                logits_processor=LogitsProcessorList([choose]),
                stopping_criteria=StoppingCriteriaList([ends]),
            )
        return answers[-1]


@contextmanager
def _bare_generation(model: Any) -> Iterator[None]:
    """A model without the penalties, filters and end tokens of its own generation settings."""
    own = model.generation_config
    model.generation_config = GenerationConfig(do_sample=False)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        model.generation_config = own
