"""A body that reads text and a linear layer on top of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from promptsci.lm.embed import mean_of_tokens

Pooling = Literal["mean", "last", "tokens"]
"""What the layer sees: the mean of all tokens' vectors (encoders), the last token's (decoders), or each token's."""


@dataclass(frozen=True)
class HeadShape:
    """What the layer is like.

    Attributes:
        labels: what its outputs stand for, in their order [C].
        pooling: what it sees of the body.
        frozen: whether the body stays as it is.
        dropout: of what it sees, in training.
    """

    labels: tuple[str, ...]
    pooling: Pooling
    frozen: bool = False
    dropout: float = 0.1


class HeadModel(nn.Module):
    """Outputs [B, C], or [B, T, C] for ``tokens``, of token ids [B, T] that are padded on the right."""

    def __init__(self, body: Any, shape: HeadShape) -> None:
        super().__init__()
        self.body = body
        self.shape = shape
        self.dropout = nn.Dropout(shape.dropout)
        self.linear = nn.Linear(body.config.get_text_config().hidden_size, len(shape.labels))
        body.requires_grad_(not shape.frozen)

    def train(self, mode: bool = True) -> HeadModel:
        """Switches dropout; a frozen body never has any."""
        super().train(mode)
        if self.shape.frozen:
            self.body.eval()
        return self

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Outputs of the layer, before any softmax."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        outputs: Tensor = self.linear(self.dropout(pooled(hidden, attention_mask, self.shape.pooling)))
        return outputs

    @property
    def n_trainable(self) -> int:
        """Numbers that training may change."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def pooled(hidden: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
    """The vectors that the layer sees, [B, H] or [B, T, H], of hidden states [B, T, H] padded on the right."""
    if pooling == "tokens":
        return hidden
    if pooling == "last":
        last = attention_mask.sum(dim=1) - 1
        return hidden[torch.arange(len(hidden), device=hidden.device), last]
    return mean_of_tokens(hidden, attention_mask)
