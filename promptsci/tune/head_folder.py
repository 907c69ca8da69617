"""A trained head on disk: the body as transformers saves it, the layer as safetensors, and what they are for.

model/config.json, model.safetensors, tokenizer.json ...   the body, which any program can load
model/head.safetensors, head.json                          the layer, its labels, its training
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptsci.errors import ModelError
from promptsci.lm.embed import load_body
from promptsci.lm.load import quiet
from promptsci.tune.head_model import HeadModel, HeadShape


def save_head(model: HeadModel, tokenizer_from: Path, training: dict[str, Any], folder: Path) -> None:
    """Nothing; the folder is there whole or not at all."""
    from safetensors.torch import save_file

    work = folder.with_name(f".{folder.name}.work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with quiet():
        model.body.save_pretrained(work)
    for file in tokenizer_from.iterdir():
        if file.name.startswith(("tokenizer", "special_tokens", "added_tokens", "vocab", "merges")):
            shutil.copy(file, work)
    save_file({name: tensor.contiguous() for name, tensor in model.linear.state_dict().items()}, _weights(work))
    about = {"shape": asdict(model.shape), "training": training}
    (work / "head.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    work.replace(folder)


def load_head(folder: Path) -> tuple[HeadModel, dict[str, Any]]:
    """(model in evaluation mode, what was noted of its training) in a folder that `save_head` wrote.

    Raises:
        ModelError: the folder holds no head, or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / "head.json").read_text(encoding="utf-8"))
        stored = about["shape"]
        shape = HeadShape(**{**stored, "labels": tuple(stored["labels"])})
        model = HeadModel(load_body(folder), shape)
        model.linear.load_state_dict(load_file(_weights(folder)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"this trained head cannot be read: {error}", where=str(folder), fix="Train again with --fresh."
        ) from error
    return model.eval(), about["training"]


def _weights(folder: Path) -> Path:
    return folder / "head.safetensors"
