from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from promptsci.errors import ModelError
from promptsci.lm.load import DTYPES, load_model, pick_dtype


@pytest.fixture
def folder(tiny_lm_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny Llama that a test may harm."""
    return Path(shutil.copytree(tiny_lm_folder, tmp_path / "model"))


def _keep(folder: Path, keep: str | None = None, drop: str = "") -> None:
    weights = load_file(folder / "model.safetensors")
    left = {
        name: value for name, value in weights.items() if (not keep or keep in name) and not (drop and drop in name)
    }
    assert len(left) < len(weights)
    save_file(left, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_model_is_loaded_ready_to_score(tiny_lm_folder: Path) -> None:
    """In the dtype asked for, in evaluation mode, without gradients, with its context and number of weights."""
    loaded = load_model(tiny_lm_folder, dtype="float32", device="cpu")

    assert (loaded.dtype, loaded.device.type, loaded.context) == (torch.float32, "cpu", 512)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.n_parameters == sum(
        value.numel() for value in load_file(tiny_lm_folder / "model.safetensors").values()
    )


def test_tied_weights_are_not_missing(tiny_gpt2_folder: Path) -> None:
    """GPT-2 keeps its output matrix as the input embedding: the file holds it once, and nothing is missing."""
    assert "lm_head.weight" not in load_file(tiny_gpt2_folder / "model.safetensors")
    assert load_model(tiny_gpt2_folder, dtype="float32").context == 512


def test_missing_weights_are_refused(folder: Path) -> None:
    """Weights that transformers would make up at random are an error that names one of them."""
    _keep(folder, drop="layers.1.mlp")

    with pytest.raises(ModelError, match=r"3 weights are missing, among them model\.layers\.1\.mlp"):
        load_model(folder, dtype="float32")


def test_a_model_without_a_head_is_refused(folder: Path) -> None:
    """An encoder's folder loads, but what would be scored with is missing."""
    _keep(folder, drop="lm_head")

    with pytest.raises(ModelError, match=r"1 weights are missing, among them lm_head\.weight"):
        load_model(folder, dtype="float32")


def test_damaged_weights_are_one_sentence(folder: Path) -> None:
    """No traceback of a library: the error names the folder."""
    (folder / "model.safetensors").write_bytes(b"nothing")

    with pytest.raises(ModelError, match="cannot load the model") as caught:
        load_model(folder, dtype="float32")
    assert caught.value.where == str(folder)


def test_an_unknown_dtype_gets_the_nearest(folder: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ModelError, match="no dtype 'bfloat'") as caught:
        load_model(folder / "nowhere", dtype="bfloat")
    assert "bfloat16" in str(caught.value.fix)


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_what_is_asked_for_is_taken(dtype: str) -> None:
    """Only ``auto`` looks at the processor."""
    assert pick_dtype(dtype, "cpu") == dtype
    assert pick_dtype("auto", "cpu") in {"float32", "bfloat16"}
