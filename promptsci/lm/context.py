"""How long a sequence a model holds."""

from __future__ import annotations

from typing import Any

UNBOUNDED = 2**31 - 1


def context_length(config: Any) -> int:
    """The longest sequence a model holds, in tokens; models without a position table have no bound."""
    for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "seq_length"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return UNBOUNDED
