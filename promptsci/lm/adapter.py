"""Adapters: PEFT folders on disk, and putting one on a loaded base model and taking it off again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import ModelError
from promptsci.lm.folder import check_safetensors, file_sha256, identity

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
CARD = "promptsci.json"
"""What tune writes beside the weights of an adapter or a model: method, base, decision rule, cost of training."""

METHODS = {"LORA": "lora", "PREFIX_TUNING": "prefix", "PROMPT_TUNING": "prompt-tuning", "IA3": "ia3"}


@dataclass(frozen=True)
class AdapterFolder:
    """An adapter that lies on this machine.

    Attributes:
        name: short, for people and for the names of Runs.
        path: the folder with adapter_config.json and adapter_model.safetensors.
        sha256: one number for both files.
        method: the row of a comparison that it is.
        n_virtual: tokens that it puts before every prompt.
        card: what tune wrote of it; empty for an adapter made elsewhere.
    """

    name: str
    path: Path
    sha256: str
    method: str
    n_virtual: int
    card: dict[str, Any]

    def to_json(self) -> dict[str, str]:
        """What a result says of it."""
        return {"name": self.name, "sha256": self.sha256}


def read_adapter(path: Path) -> AdapterFolder:
    """The AdapterFolder of a PEFT folder.

    Raises:
        ModelError: there is none, its weights are pickled or damaged, or its configuration cannot be read.
    """
    if not (path / CONFIG).is_file():
        fix = "Name a folder that promptsci tune or PEFT wrote, or a tune run: promptsci runs lists them."
        raise ModelError(f"this is no adapter ({CONFIG} is missing)", where=str(path), fix=fix)
    weights = path / WEIGHTS
    if not weights.is_file():
        fix = "Load it with PEFT where you trust it, and save it again: model.save_pretrained(FOLDER)."
        raise ModelError(f"the adapter has no weights in safetensors ({WEIGHTS} is missing)", where=str(path), fix=fix)
    check_safetensors(weights)
    config = _read(path / CONFIG)
    card = read_card(path)
    files = {name: ((path / name).stat().st_size, file_sha256(path / name)) for name in (CONFIG, WEIGHTS)}
    return AdapterFolder(
        name=str(card.get("name") or path.resolve().name),
        path=path.resolve(),
        sha256=identity(files),
        method=str(card.get("method") or _method(config)),
        n_virtual=int(config.get("num_virtual_tokens") or 0),
        card=card,
    )


def _method(config: dict[str, Any]) -> str:
    kind = str(config.get("peft_type"))
    if kind == "LORA" and (config.get("use_dora") or config.get("use_rslora")):
        return "dora" if config.get("use_dora") else "rslora"
    return METHODS.get(kind, kind.lower().replace("_", "-"))


def read_card(path: Path) -> dict[str, Any]:
    """What tune wrote beside the weights in a folder; empty where it did not write them."""
    return _read(path / CARD) if (path / CARD).is_file() else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"this file cannot be read as JSON: {error}", where=str(path)) from error
    if not isinstance(value, dict):
        raise ModelError("this file is not a JSON object", where=str(path))
    return value


def check_base(adapter: AdapterFolder, name: str, sha256: str) -> None:
    """Nothing when an adapter was made for this model, or does not say for which.

    Raises:
        ModelError: it was made for another.
    """
    base = adapter.card.get("base")
    if base and base["sha256"] != sha256:
        raise ModelError(
            f"the adapter '{adapter.name}' was made for the model {base['name']} ({base['sha256'][:12]}), "
            f"not for {name} ({sha256[:12]})",
            where=str(adapter.path),
            fix=f"Its base came from: {base.get('origin') or base['name']}.",
        )


def attach(loaded: LoadedModel, adapter: AdapterFolder) -> LoadedModel:
    """The model with an adapter on it. The base is changed in place: ``detach`` gives it back.

    Raises:
        ModelError: the adapter does not fit the model.
    """
    from peft import PeftModel

    from promptsci.lm.load import first_line, quiet, suit_cpu
    from promptsci.lm.packed_linear import unpack_linears

    n_packed = unpack_linears(loaded.model)
    try:
        with quiet():
            model = PeftModel.from_pretrained(loaded.model, str(adapter.path), is_trainable=False)
    except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        made_for = _read(adapter.path / CONFIG).get("base_model_name_or_path")
        raise ModelError(
            f"the adapter does not fit the model {loaded.path}: {first_line(error)}",
            where=str(adapter.path),
            fix=f"It was made for {made_for}." if made_for else "Use the model that it was made for.",
        ) from error
    model.eval().requires_grad_(False)
    if n_packed:
        suit_cpu(model)
    return replace(loaded, model=model, context=loaded.context - adapter.n_virtual)


def detach(loaded: LoadedModel, context: int) -> LoadedModel:
    """The base model as it was before its adapter was put on.

    Args:
        loaded: the model with its adapter.
        context: the longest sequence that the base holds.
    """
    from promptsci.lm.load import suit_cpu
    from promptsci.lm.packed_linear import unpack_linears

    wrapper = loaded.model
    n_packed = unpack_linears(wrapper)  # PEFT hands weights over
    base = wrapper.base_model.unload() if hasattr(wrapper.base_model, "unload") else wrapper.base_model
    if n_packed:
        suit_cpu(base)
    return replace(loaded, model=base, context=context)
