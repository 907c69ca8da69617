"""What training a head makes small, for each kind of answer; all are means over the rows, or tokens, that count."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""A target that does not count: padding, special tokens, later pieces of a word."""

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def one_label(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of outputs [B, C] and label positions [B]; weights [C] say how much a row of each label counts."""
    return functional.cross_entropy(outputs, targets, weight=weights)


def each_token(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of outputs [B, T, C] and tag positions [B, T]; `IGNORED` ones do not count."""
    return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), weight=weights, ignore_index=IGNORED)


def several_labels(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of outputs [B, C] and 0/1 targets [B, C]; weights [C] count the ones of each label."""
    return functional.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), pos_weight=weights)


def number(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:  # noqa: ARG001 - same shape
    """Mean squared error of outputs [B, 1] and numbers [B]."""
    return functional.mse_loss(outputs.squeeze(-1), targets.to(outputs.dtype))


LOSSES: dict[str, Loss] = {"label": one_label, "labels": several_labels, "number": number, "spans": each_token}
"""The losses by the name of the form of answer that is learned by them."""


def balanced(counts: Tensor) -> Tensor:
    """Class weights [C] from rows of each label [C], so that every label counts the same and a row 1 on average.

    A label without a row counts 0. Source: as scikit-learn's ``class_weight="balanced"``: N / (C n_c).
    """
    present = counts > 0
    weights = counts.sum() / (present.sum() * counts.clamp(min=1).to(torch.float32))
    return weights * present
