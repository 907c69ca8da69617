"""Lessons read as packs: the trie of many lessons in one forward pass without a cache, each distinct token once.

The instruction that lessons share, and the stem that choices share, go through the model once. A token sees its
ancestors and nothing else at the position that it has alone, so its hidden state is the one of the padded loop, and the
gradient is the sum over all that it is part of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache

from promptsci.lm import trie as plan
from promptsci.lm.blocks import divide
from promptsci.lm.head import body, log_likelihoods
from promptsci.lm.masks import layer_kinds, masks
from promptsci.lm.trie import Asked, Trie
from promptsci.lm.virtual import VirtualTokens, virtual_tokens
from promptsci.tune.grid import Grid, grid_of
from promptsci.tune.lesson import Lesson, Objective

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel


@dataclass(frozen=True)
class LessonPack:
    """The trie of some lessons and the tokens that are predicted in it.

    Attributes:
        lessons: what is read.
        trie: their sequences.
        rows: [M] the node behind which each distinct token is predicted, ascending.
        tokens: [M] the tokens.
        grid: what their log-likelihoods make up.
    """

    lessons: tuple[Lesson, ...]
    trie: Trie
    rows: torch.Tensor
    tokens: torch.Tensor
    grid: Grid

    @property
    def n_tokens(self) -> int:
        """Tokens that go through the model."""
        return len(self.trie)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the tokens that are read: one line."""
        return 1, len(self.trie)

    def nats(self, loaded: LoadedModel) -> torch.Tensor:
        """[M] log-likelihoods of the predicted tokens."""
        hidden = _read(loaded, self.trie)
        return log_likelihoods(loaded, hidden, self.rows.to(hidden.device), self.tokens.to(hidden.device))


def packs(lessons: Sequence[Lesson], objective: Objective, budget: int) -> list[LessonPack]:
    """Packs of at most ``budget`` tokens that hold every lesson once; a lesson that is longer stands alone.

    Lessons that share most stand next to each other.
    """
    if not lessons:
        return []
    ordered = sorted(lessons, key=lambda lesson: lesson.query.ids.astype(">u4").tobytes())
    made = _pack(ordered, objective)
    if len(made.trie) <= budget or len(ordered) == 1:
        return [made]
    middle = len(ordered) // 2
    return [*packs(ordered[:middle], objective, budget), *packs(ordered[middle:], objective, budget)]


def _pack(lessons: Sequence[Lesson], objective: Objective) -> LessonPack:
    # A query of the trie is a document of a lesson; its choices are columns of the lesson from here on.
    owners = [(number, *column) for number, lesson in enumerate(lessons) for column in _columns(lesson, objective)]
    trie = plan.build([asked for *_, asked in owners])
    asked = sorted({target[:2] for target in trie.targets})
    place = {pair: number for number, pair in enumerate(asked)}
    parts = [
        (place[target[:2]], owners[target.query][0], owners[target.query][1] + target.choice) for target in trie.targets
    ]
    rows, tokens = torch.tensor(asked).unbind(dim=1)
    return LessonPack(tuple(lessons), trie, rows, tokens, grid_of(lessons, objective, parts))


def _columns(lesson: Lesson, objective: Objective) -> Iterator[tuple[int, Asked]]:
    """Yields the column of a document's first choice, and what is asked about it."""
    column = 0
    for asked in lesson.asked(objective):
        yield column, asked
        column += len(asked.choices)


def _read(loaded: LoadedModel, trie: Trie) -> torch.Tensor:
    """[N, H] hidden states of all nodes, with their gradient."""
    virtual = virtual_tokens(loaded)
    root = virtual.n if virtual else 0
    tokens = torch.as_tensor(trie.tokens, dtype=torch.long, device=loaded.device)[None]
    # Virtual tokens are nodes above all others; keys and values of a prefix are seen and not read.
    first_read = 0 if virtual is None or virtual.embeddings is not None else root
    mask, positions = _ancestors(loaded, plan.behind(trie, root), first_read)
    hidden: torch.Tensor = body(loaded)(
        attention_mask=mask,
        position_ids=positions,
        use_cache=False,
        **_inputs(loaded, tokens, virtual),
    ).last_hidden_state
    return hidden[0, -len(trie) :]


def _ancestors(loaded: LoadedModel, trie: Trie, first_read: int) -> tuple[Any, torch.Tensor]:
    """The mask in which nodes from ``first_read`` on see their ancestors, and their positions ``[1, T]``."""
    positions, stops = (
        torch.as_tensor(numbers, dtype=torch.long, device=loaded.device) for numbers in (trie.depths, trie.ends)
    )
    index = torch.arange(len(positions), device=loaded.device)
    visible = (index[None, :] <= index[:, None]) & (index[:, None] < stops[None, :])
    read = positions[first_read:]
    kinds = layer_kinds(loaded.text_config)
    mask = masks(loaded, kinds, visible[None, first_read:], read[None, :, None], positions[None, None, :])
    if loaded.device.type == "cpu":
        divide(mask, trie)
    return mask, read[None]


def _inputs(loaded: LoadedModel, tokens: torch.Tensor, virtual: VirtualTokens | None) -> dict[str, Any]:
    """What the model's body reads: tokens, behind virtual ones where there are any."""
    if virtual is None:
        return {"input_ids": tokens}
    if virtual.embeddings is not None:
        embedded = loaded.base.get_input_embeddings()(tokens)
        return {"inputs_embeds": torch.cat([virtual.embeddings.to(embedded.dtype), embedded], dim=1)}
    cache = DynamicCache()
    for layer, (keys, values) in enumerate(virtual.states):
        cache.update(keys, values, layer)
    return {"input_ids": tokens, "past_key_values": cache}
