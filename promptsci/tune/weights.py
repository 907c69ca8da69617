"""Tuned weights on disk: an adapter as PEFT writes it, or a whole model as transformers does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import TuneError

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


def start_from(loaded: LoadedModel, folder: Path) -> None:
    """Lets an adapter begin as another that was tuned before.

    Raises:
        TuneError: the two have other layers or sizes.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    def shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        return {name: tuple(part.shape) for name, part in state.items()}

    own, given = shapes(get_peft_model_state_dict(loaded.model)), shapes(load_file(folder / WEIGHTS[0]))
    if own != given:
        name = min(set(own.items()) ^ set(given.items()))[0]
        raise TuneError(
            f"the adapter to begin with has other layers or sizes than this recipe makes: {name} has "
            f"{given.get(name, 'no weights')} there, {own.get(name, 'no weights')} here",
            where=str(folder),
            fix="Give the values that it was tuned with, such as rank=8.",
        )
    load_weights(loaded, folder)


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
