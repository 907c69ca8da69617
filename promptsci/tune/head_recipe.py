"""How a head is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadRecipe:
    """How a head is trained.

    Attributes:
        lr: learning rate of the body.
        head_lr: learning rate of the linear layer.
        epochs: passes over train, at most.
        patience: epochs without a better value on validation, after which training stops.
        batch: rows a step.
        warmup: share of the steps in which the learning rate rises; it then falls in a line to zero.
        weight_decay: of AdamW.
        class_weights: of a classification: ``balanced``, so that each label counts the same, or ``none``.
        negatives: of a ranking: candidates that are not relevant, drawn for each relevant one.
    """

    lr: float = 1e-4
    head_lr: float = 1e-3
    epochs: int = 12
    patience: int = 4
    batch: int = 16
    warmup: float = 0.1
    weight_decay: float = 0.01
    class_weights: str = "balanced"
    negatives: int = 4
