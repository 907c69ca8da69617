"""What each token of a pack may see, in every kind of layer; and which models can be told so."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from promptsci.lm import trie as plan
from promptsci.lm.trie import Pack, Trie
from promptsci.lm.virtual import KINDS, prompt_learning

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel


def check_can_share(loaded: LoadedModel, read: Any) -> None:
    """Raises NotImplementedError for positions, adapters and windows out of reach, which a probe might not show."""
    if "position_ids" not in inspect.signature(read.forward).parameters or getattr(loaded.text_config, "alibi", False):
        raise NotImplementedError("it takes no positions")
    adapter = prompt_learning(loaded.model)
    if adapter is not None and adapter.peft_type not in KINDS:
        raise NotImplementedError("its adapter puts virtual tokens before every prompt, in a way of its own")
    if "local" in (getattr(loaded.text_config, "attention_layers", None) or ()):
        raise NotImplementedError("its local attention counts places in the cache, not positions")


def layer_kinds(config: Any) -> dict[str, int]:
    """Kinds of attention layers in a model -> window or chunk in tokens (0 for full attention).

    Raises:
        NotImplementedError: the model has layers that are no attention.
    """
    names = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None) or 0
    if not names:
        uses = window and getattr(config, "use_sliding_window", True)
        names = {"sliding_attention" if uses else "full_attention"}
    sizes = {
        "full_attention": 0,
        "sliding_attention": window,
        "chunked_attention": getattr(config, "attention_chunk_size", None) or 0,
    }
    other = sorted(names - set(sizes))
    if other:
        raise NotImplementedError(f"it has layers of the kind {', '.join(other)}")
    return {name: sizes[name] for name in sorted(names)}


def pack_masks(loaded: LoadedModel, kinds: dict[str, int], trie: Trie, pack: Pack, root: int) -> Any:
    """What each node of a pack may see: a ``[1, 1, T, P + T]`` mask, or one for each kind of layer in the model.

    A node sees the ``root`` tokens before the trie, the part of the path above its topmost ancestor in the pack, its
    ancestors in the pack, and itself; in sliding and chunked layers, those of them that are near enough by position.
    """
    depths = trie.depths[pack.start : pack.stop] + root
    above, ends, positions = (
        torch.as_tensor(numbers, device=loaded.device)
        for numbers in (plan.attachments(depths), trie.ends[pack.start : pack.stop] - pack.start, depths)
    )
    path = torch.arange(int(depths[0]), device=loaded.device)
    index = torch.arange(len(depths), device=loaded.device)
    inside = (index[None, :] <= index[:, None]) & (index[:, None] < ends[None, :])
    visible = torch.cat([path[None, :] < above[:, None], inside], dim=1)
    return masks(loaded, kinds, visible[None], positions[None, :, None], torch.cat([path, positions])[None, None, :])


def masks(
    loaded: LoadedModel, kinds: dict[str, int], visible: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor
) -> Any:
    """One ``[B, 1, T, N]`` mask to be added to attention, or one for each kind of layer.

    Args:
        loaded: the model that reads.
        kinds: kinds of layers and how far they see.
        visible: [B, T, N] what may be seen whatever the distance.
        queries: [B, T, 1] positions of what is read.
        keys: [B, 1, N] positions of what is seen.
    """
    made = {kind: _mask(loaded, visible & _near(kind, size, queries, keys)) for kind, size in kinds.items()}
    return made if len(made) > 1 else next(iter(made.values()))


def _near(kind: str, size: int, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor | bool:
    if not size:
        return True
    if kind == "chunked_attention":
        return queries // size == keys // size
    return queries - keys < size


def _mask(loaded: LoadedModel, visible: torch.Tensor) -> torch.Tensor:
    hidden = torch.finfo(loaded.dtype).min
    mask = torch.full(visible.shape, hidden, dtype=loaded.dtype, device=loaded.device)
    return mask.masked_fill_(visible, 0)[:, None]
