from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from promptsci.errors import ModelError
from promptsci.lm import folder
from promptsci.lm.catalogue import cache_dir
from promptsci.lm.folder import check_folder, file_sha256, folder_sha256


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with everything a model needs, weights of 400 bytes."""
    path = tmp_path / "model"
    path.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (path / name).write_text("{}")
    save_file({"w": np.arange(100, dtype=np.float32)}, path / "model.safetensors")
    return path


def test_a_whole_folder_passes(model: Path) -> None:
    """Config, tokenizer and weights as long as their header says: nothing to complain about."""
    check_folder(model)


@pytest.mark.parametrize("change", [-1, -399, +1])
def test_weights_of_the_wrong_length_are_damaged(model: Path, change: int) -> None:
    """A safetensors file cut short or grown by one byte is refused, with both numbers."""
    weights = model / "model.safetensors"
    size = weights.stat().st_size
    with weights.open("r+b") as file:
        file.truncate(size + change)
    with pytest.raises(ModelError, match=rf"{size + change} bytes where its header says {size}") as caught:
        check_folder(model)
    assert "again" in str(caught.value.fix)


@pytest.mark.parametrize("content", [b"", b"abc", b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 64])
def test_what_is_no_safetensors_file_is_damaged(model: Path, content: bytes) -> None:
    """An empty file, a Git LFS pointer and rubbish are refused before any library reads them."""
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="weights are damaged"):
        check_folder(model)


def test_a_header_that_is_no_json_is_damaged(model: Path) -> None:
    """Rubbish inside the header is refused too."""
    (model / "model.safetensors").write_bytes((16).to_bytes(8, "little") + b"not json at all!")
    with pytest.raises(ModelError, match="header cannot be read"):
        check_folder(model)


def test_pickled_weights_are_refused(model: Path) -> None:
    """pytorch_model.bin alone is not loaded, and the error says why and what to do."""
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pickle \(pytorch_model.bin\)") as caught:
        check_folder(model)
    assert "save_pretrained" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("missing", "told"),
    [("config.json", "no config.json"), ("tokenizer.json", "no tokenizer"), ("model.safetensors", "no weights")],
)
def test_what_is_missing_is_named(model: Path, missing: str, told: str) -> None:
    """Each missing part has its own sentence."""
    (model / missing).unlink()
    with pytest.raises(ModelError, match=told):
        check_folder(model)


def test_an_adapter_is_not_a_model(model: Path) -> None:
    """A folder with an adapter says how adapters are named."""
    (model / "config.json").rename(model / "adapter_config.json")
    with pytest.raises(ModelError, match="adapter, not a model") as caught:
        check_folder(model)
    assert "adapter=" in str(caught.value.fix)


def test_a_folder_around_a_gguf_file_says_to_name_the_file(tmp_path: Path) -> None:
    """model=FOLDER where only FOLDER/x.gguf can be meant."""
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError) as caught:
        check_folder(tmp_path)
    assert str(caught.value.fix).endswith("x.gguf")


def test_a_missing_shard_is_named(model: Path) -> None:
    """Weights in several files are whole only when all files of the index are there."""
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    shards = {"v": "model-00002-of-00002.safetensors", "w": "model-00001-of-00002.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(ModelError, match="1 of 2 weight files are missing, the first is model-00002"):
        check_folder(model)
    save_file({"v": np.zeros(3, dtype=np.float32)}, model / "model-00002-of-00002.safetensors")
    check_folder(model)


def test_the_identity_follows_what_decides_the_output(model: Path, tmp_path: Path) -> None:
    """A copy has the same identity; a trainer's log does not change it; one changed byte of any model file does."""
    known = folder_sha256(model)
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    (copy / "trainer_state.json").write_text("{}")
    (copy / "README.md").write_text("hello")
    assert folder_sha256(copy) == known
    seen = {known}
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        content = bytearray((copy / name).read_bytes())
        content[-1] ^= 1
        (copy / name).write_bytes(content)
        seen.add(folder_sha256(copy))
    assert len(seen) == 4


def test_an_unchanged_file_is_read_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look uses the remembered hash; a new time of change, or a damaged memory, means reading again."""
    reads: list[Path] = []
    monkeypatch.setattr(folder, "sha256_of", lambda path: reads.append(path) or "0" * 64)
    weights = model / "model.safetensors"
    file_sha256(weights)
    file_sha256(weights)
    assert len(reads) == 1
    stat = weights.stat()
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    file_sha256(weights)
    assert len(reads) == 2
    for memory in (cache_dir() / "hashes").iterdir():
        memory.write_text("{")
    file_sha256(weights)
    assert len(reads) == 3


def test_a_cache_that_cannot_be_written_costs_only_time(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash is right although it cannot be remembered."""
    known = file_sha256(model / "config.json")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setenv("PROMPTSCI_HOME", str(model.parent / "other"))
    monkeypatch.setattr(folder, "write_json", refuse)
    assert file_sha256(model / "config.json") == known
