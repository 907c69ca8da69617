"""Virtual tokens: what prefix and prompt tuning put before every prompt, the root that all its sequences share.

PEFT gives them the first positions and every token that follows its place behind them, and so do we. A prefix is keys
and values of each layer; a soft prompt is embeddings, which the model reads before anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from promptsci.lm.load import LoadedModel

KINDS = ("PREFIX_TUNING", "PROMPT_TUNING")
"""The kinds of prompt learning that PEFT reads in the way written here."""


@dataclass(frozen=True)
class VirtualTokens:
    """What stands before every prompt; one of the two is given.

    Attributes:
        n: how many tokens.
        states: keys and values ``[1, heads, n, head_dim]`` of each layer.
        embeddings: ``[1, n, H]`` what the first layer reads.
    """

    n: int
    states: tuple[tuple[torch.Tensor, torch.Tensor], ...] = ()
    embeddings: torch.Tensor | None = None


def n_virtual(loaded: LoadedModel) -> int:
    """The number of virtual tokens before every prompt; 0 without such an adapter."""
    config = prompt_learning(loaded.model)
    return 0 if config is None else int(config.num_virtual_tokens)


def prompt_learning(model: Any) -> Any | None:
    """The PEFT configuration of a model's active adapter if it puts virtual tokens before every prompt."""
    config = getattr(model, "active_peft_config", None)
    return config if config is not None and config.is_prompt_learning else None


def virtual_tokens(loaded: LoadedModel) -> VirtualTokens | None:
    """The virtual tokens of a model's adapter as they are now, with their gradient; None when it has none.

    Raises:
        NotImplementedError: PEFT reads this kind in another way.
    """
    config = prompt_learning(loaded.model)
    if config is None:
        return None
    kind = getattr(config.peft_type, "value", str(config.peft_type))
    if kind not in KINDS:
        raise NotImplementedError(f"its adapter ({kind}) is read by PEFT alone")
    n = int(config.num_virtual_tokens)
    made = loaded.model.get_prompt(1)
    if kind == "PROMPT_TUNING":
        return VirtualTokens(n, embeddings=made.to(loaded.dtype))
    layers = getattr(made, "layers", ())
    if len(layers) != loaded.text_config.num_hidden_layers or any(layer.keys.shape[2] != n for layer in layers):
        raise NotImplementedError("its prefix does not reach every layer whole")
    return VirtualTokens(n, tuple((layer.keys, layer.values) for layer in layers))
