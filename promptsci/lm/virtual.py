"""Virtual tokens: what prefix and prompt tuning put before every prompt, the root that all its sequences share.

PEFT gives them the first positions and every token that follows its place behind them, and so do we. A prefix is keys
and values of each layer; a soft prompt is embeddings, which the model reads before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def states_of(loaded: LoadedModel, ids: Sequence[int]) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Keys and values ``[1, heads, n, head_dim]`` of each layer after reading tokens from the first position on."""
    import torch
    from transformers.cache_utils import DynamicCache

    from promptsci.lm.head import body

    cache = DynamicCache()
    with torch.inference_mode():
        tokens = torch.tensor([list(ids)], device=loaded.device)
        body(loaded)(input_ids=tokens, past_key_values=cache, use_cache=True)
    layers: list[Any] = cache.layers
    return tuple((layer.keys, layer.values) for layer in layers)


def fill_prefix(loaded: LoadedModel, states: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Puts keys and values of each layer into the model's prefix, where PEFT keeps them: keys, then values, by layer.

    Raises:
        NotImplementedError: the prefix has a projection, or layers differ in shape.
    """
    import torch

    weight = loaded.model.prompt_encoder[loaded.model.active_adapter].embedding.weight
    flat = [part[0].transpose(0, 1).flatten(1) for layer in states for part in layer]  # each [n, heads * head_dim]
    if (
        len({part.shape for part in flat}) > 1
        or torch.Size((len(flat[0]), sum(p.shape[1] for p in flat))) != weight.shape
    ):
        raise NotImplementedError("the prefix is not kept as the keys and values of layers that are alike")
    with torch.no_grad():
        weight.copy_(torch.cat(flat, dim=1))


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
