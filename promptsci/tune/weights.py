"""Tuned weights on disk: an adapter as PEFT writes it, or a whole model as transformers does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

WEIGHTS = ("adapter_model.safetensors", "adapter_config.json", "model.safetensors", "model.safetensors.index.json")


def save_weights(loaded: LoadedModel, folder: Path, state: Mapping[str, Any] | None = None) -> None:
    """Writes what was trained: an adapter's weights alone, or the whole model.

    Args:
        loaded: the model.
        folder: where to.
        state: the weights gathered from several processes; None takes the model's own.
    """
    from promptsci.lm.load import quiet

    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        loaded.model.save_pretrained(folder, **({} if state is None else {"state_dict": dict(state)}))
    # PEFT adds a form for a description, all of it still to be filled in.
    (folder / "README.md").unlink(missing_ok=True)


def load_weights(loaded: LoadedModel, folder: Path) -> None:
    """Puts saved weights into a model that has the same method on it."""
    from safetensors.torch import load_file

    if loaded.model is not loaded.base:
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(loaded.model, load_file(folder / WEIGHTS[0]))
        return
    from transformers.trainer_utils import load_sharded_checkpoint

    if (folder / "model.safetensors").is_file():
        # Weights that several layers share stand in the file once.
        loaded.model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    else:
        load_sharded_checkpoint(loaded.model, str(folder), strict=False)  # type: ignore[no-untyped-call]
