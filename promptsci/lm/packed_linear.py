"""Linear layers on a CPU by oneDNN, with weights laid out once for its kernels.

PyTorch multiplies float32 by MKL, which keeps to AVX2 on processors that are not Intel's; oneDNN uses what the
processor has. On an AVX512 machine of another maker packs of 256 tokens were multiplied 2.5 times as fast in float32,
and 1.3 times in bfloat16, where only the layout is gained. The weights are moved, not copied.
"""

from __future__ import annotations

from typing import Any

import torch

ROWS = 256
"""The number of rows that the layout is chosen for; others are multiplied right, if not quite as fast."""


class PackedLinear(torch.nn.Module):
    """A frozen linear layer whose weight is laid out for oneDNN."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features = linear.in_features
        self.out_features = linear.out_features
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().contiguous(), ROWS)
        bias: torch.Tensor | None = linear.bias  # None in layers without one, whatever the stubs say
        self.bias = None if bias is None else bias.detach()
        self.n_weights = linear.weight.numel() + (0 if bias is None else bias.numel())

    @property
    def weight(self) -> torch.Tensor:
        """[out_features, in_features] a copy of the weight in its plain layout, bit for bit."""
        plain: torch.Tensor = self.packed.to_dense()
        return plain

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """[..., out_features] products of rows [..., in_features]."""
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.packed, self.bias, "none", [], "")
        return result


def n_packed_weights(model: Any) -> int:
    """Number of weights and biases in a model's packed layers."""
    return sum(module.n_weights for module in model.modules() if isinstance(module, PackedLinear))


def can_pack(model: Any) -> bool:
    """Whether this PyTorch has oneDNN's layouts and the model's device and dtype suit them."""
    known = hasattr(torch.ops.mkldnn, "_reorder_linear_weight") and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    suits = model.device.type == "cpu" and model.dtype in (torch.float32, torch.bfloat16)
    return bool(known and suits and torch._C._has_mkldnn)


def pack_linears(model: Any) -> int:
    """Replaces the linear layers of a frozen model, the output layer and an adapter's own apart; returns how many.

    The output layer shares its weight with the embedding in many models, and sees few rows. PEFT keeps an adapter's
    layers in dictionaries, and may ask them for their weights.
    """
    head = model.get_output_embeddings()
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear and child is not head and type(parent) is not torch.nn.ModuleDict
    ]
    with torch.inference_mode():
        for parent, name, child in found:
            setattr(parent, name, PackedLinear(child))
            child.weight = None  # type: ignore[assignment] # the memory of one layer at a time, not of all twice
    return len(found)


def unpack_linears(model: Any) -> int:
    """Puts plain frozen linear layers back in place of the packed ones; returns how many."""
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, PackedLinear)
    ]
    for parent, name, child in found:
        # Made without weights of its own, which would be drawn at random only to be thrown away.
        plain = torch.nn.Linear(child.in_features, child.out_features, bias=child.bias is not None, device="meta")
        plain.weight = torch.nn.Parameter(child.weight, requires_grad=False)
        if child.bias is not None:
            plain.bias = torch.nn.Parameter(child.bias, requires_grad=False)
        setattr(parent, name, plain.eval())
    return len(found)
