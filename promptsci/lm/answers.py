"""Answers that grow side by side: how tokens are taken, when an answer ends, and the batch that the model reads.

Rows are aligned at the right, so that one step writes one slot, and leave the batch when they are finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import Cache

from promptsci.lm.grammar import Grammar
from promptsci.lm.head import body, head
from promptsci.lm.masks import layer_kinds, masks
from promptsci.lm.path_cache import PathLayer
from promptsci.lm.protocol import Generated, Generation, TokenCount
from promptsci.lm.shared import PackReader
from promptsci.lm.trie import Ints

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel


@dataclass
class Row:
    """An answer in the making.

    Attributes:
        prompts: numbers of the prompts that ask for it, which are all the same.
        n_prompt: their length in tokens.
        limit: the most tokens that it may have.
        random: what its tokens are drawn with.
        matcher: what follows it through a grammar; None where anything may be written.
        ids: its tokens so far.
    """

    prompts: list[int]
    n_prompt: int
    limit: int
    random: torch.Generator
    matcher: Any = None
    ids: list[int] = field(default_factory=list)


class Rules:
    """How tokens are taken and when an answer ends: the same for answers written side by side and alone."""

    def __init__(self, loaded: LoadedModel, decode: Callable[[Sequence[int]], str], how: Generation) -> None:
        self.loaded = loaded
        self.decode = decode
        self.how = how
        self.end_ids = end_ids(loaded)
        self.grammar = Grammar(loaded, how.schema, sorted(self.end_ids), how.max_tokens) if how.schema else None

    def row(self, prompts: list[int], ids: Ints) -> Row:
        """A Row without tokens yet."""
        digest = hashlib.sha256(f"{self.how.seed}:".encode() + ids.astype("<i4").tobytes()).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
        # The last token is predicted, never read: it needs no place in the context.
        limit = min(self.how.max_tokens, self.loaded.context - len(ids) + 1)
        return Row(prompts, len(ids), limit, random, self.grammar.matcher() if self.grammar else None)

    def pick(self, logits: torch.Tensor, rows: Sequence[Row]) -> list[int]:
        """[B] the next token of each row, from logits [B, V]."""
        if self.grammar is None:
            return self._take(logits, rows)
        n_left = [row.limit - len(row.ids) for row in rows]
        taken = self._take(self.grammar.allow(logits, [row.matcher for row in rows], n_left), rows)
        for row, token in zip(rows, taken, strict=True):
            row.matcher.accept_token(token)
        return taken

    def _take(self, logits: torch.Tensor, rows: Sequence[Row]) -> list[int]:
        if not self.how.temperature:
            best: list[int] = logits.argmax(dim=-1).tolist()
            return best
        odds = (logits.double() / self.how.temperature).softmax(dim=-1).cpu()
        return [int(torch.multinomial(each, 1, generator=row.random)) for each, row in zip(odds, rows, strict=True)]

    def finished(self, row: Row) -> Generated | None:
        """The answer, if its last token ended it."""
        ids = tuple(row.ids)
        if ids[-1] in self.end_ids:
            return Generated(ids, self.decode(ids[:-1]), "end")
        text = self.decode(ids) if self.how.stop or len(ids) == row.limit else ""
        # Looked for in the whole text: a stop may begin in one token and end in another.
        at = min((place for stop in self.how.stop if (place := text.find(stop)) >= 0), default=-1)
        if at >= 0:
            return Generated(ids, text[:at], "stop")
        if len(ids) == row.limit:
            return Generated(ids, text, "length" if row.limit == self.how.max_tokens else "context")
        return None


def end_ids(loaded: LoadedModel) -> frozenset[int]:
    """Tokens with which the model ends an answer."""
    config = getattr(loaded.model, "generation_config", None)
    ids = getattr(config, "eos_token_id", None)
    if ids is None:
        ids = getattr(loaded.text_config, "eos_token_id", None)
    return frozenset([] if ids is None else [ids] if isinstance(ids, int) else ids)


class RowLayer(PathLayer):  # type: ignore[no-untyped-call]
    """One layer's buffer ``[B, heads, capacity, head_dim]``, a row for each answer."""

    def begin(self, source: PathLayer, n_rows: int) -> None:
        """Allocates rows in the shapes of a path's buffer."""
        self.keys = source.keys.new_zeros((n_rows, source.keys.shape[1], self.capacity, source.keys.shape[3]))
        self.values = source.values.new_zeros((n_rows, source.values.shape[1], self.capacity, source.values.shape[3]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of all rows; the new ones stay."""
        result = super().update(key_states, value_states, *args, **kwargs)
        self.length += key_states.shape[2]
        return result


class Batch:
    """Answers that grow side by side behind prompts of at most ``longest`` tokens."""

    def __init__(self, reader: PackReader, rules: Rules, n_rows: int, longest: int) -> None:
        self.loaded = reader.loaded
        self.rules = rules
        self.reader = reader
        self.n_rows = n_rows
        self.longest = reader.root + longest
        self.rows: list[Row] = []
        self.hidden: list[torch.Tensor] = []
        self._body = body(self.loaded)
        self._kinds = layer_kinds(self.loaded.text_config)
        self.layers = [RowLayer(self.longest + rules.how.max_tokens) for _ in reader.cache.paths]
        for layer, source in zip(self.layers, reader.cache.paths, strict=True):
            layer.length = self.longest
            if source.is_initialized:
                layer.begin(source, n_rows)

    @property
    def is_full(self) -> bool:
        """Whether all rows are there."""
        return len(self.rows) == self.n_rows

    @torch.inference_mode()
    def add(self, row: Row, node: int, hidden: torch.Tensor) -> None:
        """Adds a row behind the path to a node of the pack read last, whose hidden state is [H]."""
        slots = torch.as_tensor(self.reader.slots(node), device=self.loaded.device)
        place = slice(self.longest - len(slots), self.longest)
        for layer, source in zip(self.layers, self.reader.cache.paths, strict=True):
            if layer.is_initialized:
                layer.keys[len(self.rows), :, place] = source.keys[0].index_select(1, slots)
                layer.values[len(self.rows), :, place] = source.values[0].index_select(1, slots)
        self.rows.append(row)
        self.hidden.append(hidden.clone())

    @torch.inference_mode()
    def write(self, tokens: TokenCount) -> Iterator[tuple[Row, Generated]]:
        """Yields each row with its answer when it is finished."""
        rows, hidden = self.rows, torch.stack(self.hidden)
        cache = Cache(layers=[*self.layers])
        while True:
            left = []
            tokens_taken = self.rules.pick(head(self.loaded, hidden), rows)
            for index, (row, token) in enumerate(zip(rows, tokens_taken, strict=True)):
                row.ids.append(token)
                answer = self.rules.finished(row)
                if answer:
                    yield row, answer
                else:
                    left.append(index)
            if not left:
                return
            if len(left) < len(rows):
                rows = [rows[index] for index in left]
                self._keep(left)
            hidden = self._step(cache, rows)
            tokens.computed += len(rows)

    def _step(self, cache: Cache, rows: Sequence[Row]) -> torch.Tensor:
        """[B, H] hidden states behind the last token of each row."""
        device = self.loaded.device
        root = self.reader.root
        starts = torch.tensor([self.longest - root - row.n_prompt for row in rows], device=device)[:, None, None]
        slots = torch.arange(self.layers[0].length + 1, device=device)[None, None]
        positions = slots[..., -1:] - starts
        hidden: torch.Tensor = self._body(
            input_ids=torch.tensor([row.ids[-1:] for row in rows], device=device),
            attention_mask=masks(self.loaded, self._kinds, slots >= starts, positions, slots - starts),
            position_ids=positions[:, 0],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return hidden[:, -1]

    def _keep(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(rows, device=self.loaded.device)
        for layer in self.layers:
            if layer.is_initialized:
                layer.keys = layer.keys.index_select(0, chosen)
                layer.values = layer.values.index_select(0, chosen)
