"""Which log-likelihoods make up which choice of which lesson, and what an objective makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from promptsci.tune.lesson import Lesson, Objective


@dataclass(frozen=True)
class Grid:
    """Lessons L by choices C, made of the log-likelihoods of M tokens.

    Attributes:
        places: [P] numbers of the log-likelihoods.
        cells: [P] the cell, lesson x C + choice, that each of them is part of.
        gold: [L] the right choice's column.
        weights: [L] how much each lesson counts.
        n_choices: [L] columns in use; the others stay empty.
    """

    places: torch.Tensor
    cells: torch.Tensor
    gold: torch.Tensor
    weights: torch.Tensor
    n_choices: torch.Tensor

    def to(self, device: torch.device) -> Grid:
        """The same on a device."""
        return Grid(*(part.to(device) for part in vars(self).values()))

    def sums(self, nats: torch.Tensor) -> torch.Tensor:
        """[L, C] log-likelihood of each choice from those of tokens [M]; -inf in empty cells."""
        width = int(self.n_choices.max())
        flat = nats.new_zeros(len(self.gold) * width).index_add(0, self.cells, nats[self.places])
        columns = torch.arange(width, device=nats.device)
        return flat.view(-1, width).masked_fill(columns >= self.n_choices[:, None], -torch.inf)


def grid_of(lessons: Sequence[Lesson], objective: Objective, parts: Sequence[tuple[int, int, int]]) -> Grid:
    """The Grid of lessons whose log-likelihoods stand in these (place, lesson, choice)."""
    n_choices = [len(lesson.asked(objective).choices) for lesson in lessons]
    width = max(n_choices)
    return Grid(
        places=torch.tensor([place for place, _, _ in parts]),
        cells=torch.tensor([lesson * width + choice for _, lesson, choice in parts]),
        gold=torch.tensor([lesson.gold if objective == "choice" else 0 for lesson in lessons]),
        weights=torch.tensor([lesson.weight for lesson in lessons], dtype=torch.float32),
        n_choices=torch.tensor(n_choices),
    )


def loss(objective: Objective, nats: torch.Tensor, grid: Grid, smoothing: float = 0.0) -> torch.Tensor:
    """[] the weighted sum over lessons of an objective's loss, in nats.

    ``choice`` is the cross-entropy of the right choice under the softmax of the choices' summed log-likelihoods, of
    which ``smoothing`` moves a share to all choices alike. ``lm`` is the negative log-likelihood of the right answer.

    Source:
        Label smoothing: Szegedy et al. 2016, arXiv 1512.00567, section 7.
    """
    sums = grid.sums(nats)
    if objective == "lm":
        return -(sums[:, 0] * grid.weights).sum()
    log_probs = sums.log_softmax(dim=-1)
    each = -log_probs.gather(1, grid.gold[:, None])[:, 0]
    if smoothing:
        uniform = -log_probs.masked_fill(log_probs.isneginf(), 0.0).sum(dim=-1) / grid.n_choices
        each = (1 - smoothing) * each + smoothing * uniform
    return (each * grid.weights).sum()
