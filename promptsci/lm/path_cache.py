"""The keys and values of one path through the trie, in buffers that are allocated once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from promptsci.lm.trie import NOTHING, Ints


class PathLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's buffer ``[1, heads, capacity, head_dim]``: the path first, the pack that is being read behind it.

    Layers with a sliding window keep the whole path too. That costs memory, not exactness: their mask hides what is out
    of reach.
    """

    is_sliding = False
    is_compileable = False
    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity = capacity
        self.length = 0

    @property
    def slot_bytes(self) -> int:
        """Bytes of one slot of one row; none before the model has written."""
        if not self.is_initialized:
            return 0
        return sum(states[0, :, 0].numel() * states.itemsize for states in (self.keys, self.values))

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor | None = None) -> None:
        """Allocates the buffers in the shapes that the model writes."""
        value_states = key_states if value_states is None else value_states
        self.keys = key_states.new_zeros((*key_states.shape[:2], self.capacity, key_states.shape[3]))
        self.values = value_states.new_zeros((*value_states.shape[:2], self.capacity, value_states.shape[3]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of path and pack; the pack's are written behind the path."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        stop = self.length + key_states.shape[2]
        self.keys[:, :, self.length : stop] = key_states
        self.values[:, :, self.length : stop] = value_states
        return self.keys[:, :, :stop], self.values[:, :, :stop]

    def keep(self, start: int, slots: torch.Tensor) -> None:
        """Keeps ``start`` slots and then the given ones, close together."""
        if self.is_initialized and len(slots):
            stop = start + len(slots)
            self.keys[:, :, start:stop] = self.keys.index_select(2, slots)
            self.values[:, :, start:stop] = self.values.index_select(2, slots)
        self.length = start + len(slots)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of what attention sees."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """Tokens of the path."""
        return self.length

    def get_max_length(self) -> int:
        """Slots in the buffer."""
        return self.capacity

    def get_max_cache_shape(self) -> int:
        """Slots in the buffer, by the name that earlier versions of transformers ask for."""
        return self.capacity


class PathCache(Cache):
    """The cached path from the root to where the next pack hangs, over all layers.

    ``nodes`` are the trie nodes on the path; ``pack_start`` is the first node of the pack read last; ``root`` slots at
    the beginning hold virtual tokens, which are never dropped.
    """

    def __init__(self, n_layers: int, capacity: int, root: int = 0) -> None:
        self.paths = [PathLayer(root + capacity) for _ in range(n_layers)]
        super().__init__(layers=[*self.paths])
        self.capacity = root + capacity
        self.root = root
        self.nodes: Ints = NOTHING
        self.pack_start = 0

    @property
    def n_filled(self) -> int:
        """Layers that the model has written to."""
        return sum(layer.is_initialized for layer in self.paths)

    def move_to(self, path: Ints, device: torch.device) -> None:
        """Makes ``path`` the cached path: what it shares with the old one stays, the rest comes from the last pack."""
        n = min(len(path), len(self.nodes))
        differs = np.flatnonzero(path[:n] != self.nodes[:n])
        shared = int(differs[0]) if len(differs) else n
        behind = self.root + len(self.nodes) - self.pack_start
        slots = torch.as_tensor(path[shared:] + behind, dtype=torch.long, device=device)
        for layer in self.paths:
            layer.keep(self.root + shared, slots)
        self.nodes = path
