"""A body that reads text and a linear layer on top of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from promptsci.errors import ModelError
from promptsci.lm.load import first_line, quiet

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
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


def load_body(path: Path) -> Any:
    """The body of the model in a folder, in float32.

    Raises:
        ModelError: the weights cannot be read, or some are missing.
    """
    from safetensors import SafetensorError

    with quiet():
        from transformers import AutoModel

        try:
            body, found = AutoModel.from_pretrained(
                path, dtype=torch.float32, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"cannot load the model: {first_line(error)}",
                where=str(path),
                fix="It must be a model that transformers knows, with its weights in safetensors.",
            ) from error
    missing = sorted(key for key in found["missing_keys"] if "pooler" not in key)
    if missing:
        raise ModelError(f"{len(missing)} weights are missing, among them {missing[0]}", where=str(path))
    if hasattr(body, "pooler"):
        body.pooler = None  # BERT's own summary of a text, which is not used here
    return body
