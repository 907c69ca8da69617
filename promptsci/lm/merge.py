"""An adapter's change added to the weights of its base, so that what is left is a plain model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from promptsci.errors import ModelError
from promptsci.lm.adapter import AdapterFolder

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

BESIDE = {
    "prefix": "keys and values that stand before every prompt",
    "prompt-tuning": "embeddings that stand before every prompt",
}
"""Methods that change no weight, and what they are instead."""


def check_mergeable(adapter: AdapterFolder) -> None:
    """Nothing for an adapter that changes weights.

    Raises:
        ModelError: it stands beside them.
    """
    if adapter.n_virtual or adapter.method in BESIDE:
        what = BESIDE.get(adapter.method, "virtual tokens that stand before every prompt")
        raise ModelError(
            f"the adapter '{adapter.name}' ({adapter.method}) is {what}: no weight changes, so nothing can be merged",
            where=str(adapter.path),
            fix=f"Use it as it is: adapter={adapter.path}. LoRA, DoRA, rsLoRA and IA3 can be merged.",
        )


def merge(loaded: LoadedModel, adapter: AdapterFolder) -> LoadedModel:
    """The plain model with an adapter's change in its weights; the model with the adapter on it is used up.

    Raises:
        ModelError: PEFT cannot merge this kind, or the sum is no number.
    """
    from promptsci.lm.load import first_line, quiet

    try:
        with quiet():
            merged = loaded.model.merge_and_unload(safe_merge=True)
    except (AttributeError, NotImplementedError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"PEFT cannot merge the adapter '{adapter.name}' ({adapter.method}): {first_line(error)}",
            where=str(adapter.path),
            fix=f"Use it as it is: adapter={adapter.path}.",
        ) from error
    return replace(loaded, model=merged.eval())


def save_merged(merged: LoadedModel, base: Path, folder: Path) -> None:
    """Writes a merged model: its weights, and configuration and tokenizer of its base."""
    from promptsci.lm.folder import copy_the_rest
    from promptsci.lm.load import quiet

    folder.mkdir(parents=True)
    copy_the_rest(base, folder)
    with quiet():
        merged.model.save_pretrained(folder)
