"""Which log-likelihoods make up which choice of which lesson, and what an objective makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from promptsci.tune.lesson import Lesson, Objective


@dataclass(frozen=True)
class Grid:
    """Lessons L by choices C, made of the log-likelihoods of M tokens.

    Attributes:
        places: [P] numbers of the log-likelihoods.
        cells: [P] the cell, lesson x C + choice, that each of them is part of.
        gold: [L, G] the column of the right choice of each group.
        weights: [L] how much each lesson counts.
        n_choices: [L] columns in use; the others stay empty.
        soft: [L, C] the probability that each choice should have; None where the right ones are learned.
    """

    places: torch.Tensor
    cells: torch.Tensor
    gold: torch.Tensor
    weights: torch.Tensor
    n_choices: torch.Tensor
    soft: torch.Tensor | None = None

    def to(self, device: torch.device) -> Grid:
        """The same on a device."""
        moved: list[Any] = [None if part is None else part.to(device) for part in vars(self).values()]
        return Grid(*moved)

    def sums(self, nats: torch.Tensor) -> torch.Tensor:
        """[L, C] log-likelihood of each choice from those of tokens [M]; -inf in empty cells."""
        width = int(self.n_choices.max())
        flat = nats.new_zeros(len(self.gold) * width).index_add(0, self.cells, nats[self.places])
        columns = torch.arange(width, device=nats.device)
        return flat.view(-1, width).masked_fill(columns >= self.n_choices[:, None], -torch.inf)


def grid_of(lessons: Sequence[Lesson], objective: Objective, parts: Sequence[tuple[int, int, int]]) -> Grid:
    """The Grid of lessons whose log-likelihoods stand in these (place, lesson, choice)."""
    n_choices = [len(lesson.sequences(objective)) for lesson in lessons]
    width = max(n_choices)
    return Grid(
        places=torch.tensor([place for place, _, _ in parts]),
        cells=torch.tensor([lesson * width + choice for _, lesson, choice in parts]),
        gold=torch.tensor([lesson.gold for lesson in lessons]),
        weights=torch.tensor([lesson.weight for lesson in lessons], dtype=torch.float32),
        n_choices=torch.tensor(n_choices),
        soft=torch.tensor([[*one.soft, *[0.0] * (width - len(one.soft))] for one in lessons])
        if lessons[0].soft
        else None,
    )


def loss(
    objective: Objective, nats: torch.Tensor, grid: Grid, smoothing: float = 0.0, temperature: float = 1.0
) -> torch.Tensor:
    """[] the weighted sum over lessons of an objective's loss, in nats.

    ``choice`` is the cross-entropy of the right choice under the softmax of the choices' summed log-likelihoods, of
    which ``smoothing`` moves a share to all choices alike; where choices form groups, it is the sum over them: binary
    cross-entropy for groups of yes and no. ``lm`` is the negative log-likelihood of the right answers. ``pairs`` is how
    badly the first document stands against the others by its log-odds, the mean over them.

    Lessons that an earlier model's answers are kept of have, whatever the objective, the Kullback-Leibler divergence of
    their choices' probabilities from the earlier ones, both at a temperature, times its square.

    Source:
        Label smoothing: Szegedy et al. 2016, arXiv 1512.00567, section 7. Pairs: Burges et al. 2005 (RankNet), ICML.
        Keeping answers: Li and Hoiem 2016, arXiv 1606.09282; the square: Hinton et al. 2015, arXiv 1503.02531.
    """
    sums = grid.sums(nats)
    if grid.soft is not None:
        return (_kept(sums, grid, grid.soft, temperature) * grid.weights).sum()
    if objective == "lm":
        return -(sums.masked_fill(sums.isneginf(), 0.0).sum(dim=-1) * grid.weights).sum()
    each = _pairs(sums, grid) if objective == "pairs" else _choice(sums, grid, smoothing)
    return (each * grid.weights).sum()


def _choice(sums: torch.Tensor, grid: Grid, smoothing: float) -> torch.Tensor:
    """[L] cross-entropy, summed over the groups of choices."""
    n_groups = grid.gold.shape[1]
    log_probs = sums.view(len(sums), n_groups, -1).log_softmax(dim=-1).flatten(1)
    each = -log_probs.gather(1, grid.gold).sum(dim=-1)
    if smoothing:
        uniform = -log_probs.masked_fill(log_probs.isneginf(), 0.0).sum(dim=-1) * n_groups / grid.n_choices
        each = (1 - smoothing) * each + smoothing * uniform
    return each


def log_shares(sums: torch.Tensor, n_groups: int, temperature: float) -> torch.Tensor:
    """[L, C] log-probability of each choice within its group, at a temperature."""
    found: torch.Tensor = (sums / temperature).view(len(sums), n_groups, -1).log_softmax(dim=-1).flatten(1)
    return found


def _kept(sums: torch.Tensor, grid: Grid, soft: torch.Tensor, temperature: float) -> torch.Tensor:
    """[L] divergence from the earlier probabilities, summed over the groups of choices."""
    log_probs = log_shares(sums, grid.gold.shape[1], temperature)
    # Empty cells are minus infinity, and no probability was asked of them.
    there = log_probs.masked_fill(log_probs.isneginf(), 0.0)
    return temperature**2 * (torch.xlogy(soft, soft) - soft * there).sum(dim=-1)


def _pairs(sums: torch.Tensor, grid: Grid) -> torch.Tensor:
    """[L] mean over the other documents of the log of one plus the odds that they stand above the first.

    The first is right with one of its two choices, and so would the others be.
    """
    two = sums.view(len(sums), -1, 2)
    right = grid.gold[:, :1, None].expand(-1, two.shape[1], 1)
    odds = (two.gather(2, right) - two.gather(2, 1 - right))[..., 0]
    there = torch.arange(1, odds.shape[1], device=sums.device) < (grid.n_choices // 2)[:, None]
    # What is not there is no number, and must not meet the gradient of what is.
    gaps = torch.where(there, odds[:, :1] - odds[:, 1:], torch.zeros_like(odds[:, 1:]))
    return torch.where(there, functional.softplus(-gaps), torch.zeros_like(gaps)).sum(dim=-1) / there.sum(dim=-1)
