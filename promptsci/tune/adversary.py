"""Adversarial training: the loss is also made small where the input's embeddings are moved to make it large.

Each token that is read has a move of its own; in a pack, what lessons share is read once and moves for all of them at
once. A move is no longer than ``epsilon`` times the mean norm of the model's token embeddings.

Source: Miyato et al. 2017 (fgm), Madry et al. 2018 (pgd), Zhu et al. 2020 (freelb); the bound holds for each token, as
in Li and Qiu 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

Kind = Literal["fgm", "pgd", "freelb"]
STRIDE = 1.5
"""All steps together could go so many times as far as they may."""

Loss = Callable[[], torch.Tensor]
Backward = Callable[[torch.Tensor], None]


@dataclass(frozen=True)
class Adversary:
    """How inputs are moved.

    Attributes:
        kind: ``fgm`` one step along the gradient; ``pgd`` several; ``freelb`` several from a random start, learning
            from each.
        epsilon: the longest move of a token, as a share of the mean norm of token embeddings.
        steps: of pgd and freelb.
    """

    kind: Kind
    epsilon: float
    steps: int = 1

    @property
    def passes(self) -> int:
        """Passes through the model for each batch."""
        return {"fgm": 2, "pgd": self.steps + 1, "freelb": self.steps}[self.kind]

    def learn(
        self, loaded: LoadedModel, shape: tuple[int, int], losses: tuple[Loss, Loss], backward: Backward
    ) -> torch.Tensor:
        """[] the loss that was learned from: the mean over clean and moved input, or over the steps of freelb.

        Args:
            loaded: the model.
            shape: of the batch's tokens.
            losses: the batch's loss by the model that learns, and by one that gives gradients of the input alone.
            backward: leaves a loss's gradient in the weights.
        """
        size = (*shape, loaded.base.get_input_embeddings().weight.shape[1])
        radius = self.epsilon * mean_norm(loaded)
        if self.kind == "freelb":
            return self._from_each_step(loaded, start(size, radius, loaded.device), radius, losses[0], backward)
        clean = torch.zeros(size, device=loaded.device, requires_grad=True)
        with moved(loaded, clean):
            total = losses[0]() / 2
            backward(total)
        move = self._ascended(loaded, clean, radius, losses[1])
        with moved(loaded, move):
            last = losses[0]() / 2
            backward(last)
        return (total + last).detach()

    def _ascended(self, loaded: LoadedModel, clean: torch.Tensor, radius: float, loss: Loss) -> torch.Tensor:
        """The move after all steps, of which the clean pass was the first."""
        steps = 1 if self.kind == "fgm" else self.steps
        stride = radius if steps == 1 else STRIDE * radius / steps
        move = within(stride * unit(_gradient_of(clean)), radius)
        for _ in range(steps - 1):
            move.requires_grad_()
            with moved(loaded, move):
                (found,) = torch.autograd.grad(loss(), move)
            move = within(move.detach() + stride * unit(found), radius)
        return move

    def _from_each_step(
        self, loaded: LoadedModel, move: torch.Tensor, radius: float, loss: Loss, backward: Backward
    ) -> torch.Tensor:
        total = torch.zeros((), device=loaded.device)
        for _ in range(self.steps):
            move = move.detach().requires_grad_()
            with moved(loaded, move):
                part = loss() / self.steps
                backward(part)
            total += part.detach()
            move = within(move.detach() + STRIDE * radius / self.steps * unit(_gradient_of(move)), radius)
        return total


def _gradient_of(move: torch.Tensor) -> torch.Tensor:
    assert move.grad is not None, "the model reads its input by its embeddings"
    return move.grad


def mean_norm(loaded: LoadedModel) -> float:
    """The mean norm of the model's token embeddings."""
    weight = loaded.base.get_input_embeddings().weight.detach()
    return float(weight.float().norm(dim=-1).mean())


def unit(moves: torch.Tensor) -> torch.Tensor:
    """[B, T, H] each token's move with length one; one of no length stays."""
    found: torch.Tensor = moves / moves.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(moves.dtype).tiny)
    return found


def within(moves: torch.Tensor, radius: float) -> torch.Tensor:
    """[B, T, H] each token's move, shortened where it is longer than the radius."""
    norms = moves.norm(dim=-1, keepdim=True)
    shortened: torch.Tensor = moves * (radius / norms.clamp_min(radius))
    return shortened


def start(size: tuple[int, ...], radius: float, device: torch.device) -> torch.Tensor:
    """[B, T, H] a random move for each token, no longer than the radius; drawn from the training's own random state."""
    return within(radius * unit(torch.randn(size)) * torch.rand(*size[:-1], 1), radius).to(device)


@contextmanager
def moved(loaded: LoadedModel, moves: torch.Tensor) -> Iterator[None]:
    """The model reads every token's embedding with its move added."""

    def add(_module: Any, _inputs: Any, embedded: torch.Tensor) -> torch.Tensor:
        # Stems of adapters (soft prompts) are read by the same embeddings in other shapes.
        return embedded + moves.to(embedded.dtype) if embedded.shape == moves.shape else embedded

    handle = loaded.base.get_input_embeddings().register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
