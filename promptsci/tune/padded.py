"""Lessons read the plain way: each (prompt, choice) sequence whole, padded to the longest of its batch.

It is the oracle that packs are checked against, and the way for models that cannot take them. Lessons of about one
length stand in one batch, so that little is padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from promptsci.tune.grid import Grid, grid_of
from promptsci.tune.lesson import Lesson, Objective

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel


@dataclass(frozen=True)
class PaddedBatch:
    """Sequences of some lessons side by side.

    Attributes:
        lessons: what is read.
        ids: [B, T] token ids, padded at the end.
        mask: [B, T] 1 where a token stands.
        at: [M, 2] sequence and position behind which each token is predicted.
        tokens: [M] the tokens.
        grid: what their log-likelihoods make up.
    """

    lessons: tuple[Lesson, ...]
    ids: torch.Tensor
    mask: torch.Tensor
    at: torch.Tensor
    tokens: torch.Tensor
    grid: Grid

    @property
    def n_tokens(self) -> int:
        """Tokens that go through the model, padding included."""
        return self.ids.numel()

    @property
    def shape(self) -> tuple[int, int]:
        """Of the tokens that are read."""
        n_lines, width = self.ids.shape
        return n_lines, width

    def nats(self, loaded: LoadedModel) -> torch.Tensor:
        """[M] log-likelihoods of the predicted tokens, by the model's own forward pass."""
        ids, mask = self.ids.to(loaded.device), self.mask.to(loaded.device)
        logits = loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, -ids.shape[1] :]
        rows, places = self.at.to(loaded.device).unbind(dim=1)
        asked: torch.Tensor = logits[rows, places].float().log_softmax(dim=-1)
        return asked.gather(1, self.tokens.to(loaded.device)[:, None])[:, 0]


def padded(lessons: Sequence[Lesson], objective: Objective, budget: int) -> list[PaddedBatch]:
    """Batches of at most ``budget`` tokens, padding included, that hold every lesson once."""
    batches: list[list[Lesson]] = []
    size = longest = 0
    for lesson in sorted(lessons, key=lambda one: len(one.query.ids)):
        lengths = [len(asked.prompt) + len(asked.choices[0]) - 1 for asked in lesson.sequences(objective)]
        longest = max(longest, *lengths)
        size += len(lengths)
        if not batches or size * longest > budget:
            batches.append([])
            size, longest = len(lengths), max(lengths)
        batches[-1].append(lesson)
    return [_batch(batch, objective) for batch in batches]


def _batch(lessons: Sequence[Lesson], objective: Objective) -> PaddedBatch:
    sequences: list[list[int]] = []
    at: list[tuple[int, int]] = []
    tokens: list[int] = []
    parts: list[tuple[int, int, int]] = []
    for number, lesson in enumerate(lessons):
        for column, (prompt, (ids,)) in enumerate(lesson.sequences(objective)):
            for place, token in enumerate(ids):
                parts.append((len(tokens), number, column))
                at.append((len(sequences), len(prompt) - 1 + place))
                tokens.append(token)
            sequences.append([*prompt.tolist(), *ids[:-1]])
    width = max(map(len, sequences))
    ids_ = torch.tensor([[*sequence, *[0] * (width - len(sequence))] for sequence in sequences])
    mask = torch.tensor([[1] * len(sequence) + [0] * (width - len(sequence)) for sequence in sequences])
    grid = grid_of(lessons, objective, parts)
    return PaddedBatch(tuple(lessons), ids_, mask, torch.tensor(at), torch.tensor(tokens), grid)
