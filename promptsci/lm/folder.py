"""A model's folder on disk: is it whole, is it safe to load, and which weights are they?"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import math
import os
import shutil
import struct
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.errors import ModelError
from promptsci.lm.catalogue import cache_dir

# What decides a model's output: its weights, its configuration, its tokenizer. A trainer's log beside them does not.
IDENTITY_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "vocab.*",
    "merges.txt",
    "*.model",
)
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt", "*.model")
PICKLED_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
CHUNK_BYTES = 1 << 20
HEADER_LIMIT_BYTES = 100_000_000  # the safetensors format allows no longer header


@dataclass(frozen=True)
class ModelFolder:
    """A model that lies on this machine, ready to load.

    Args:
        name: short, for people and for the names of Runs.
        path: the folder with config, weights and tokenizer.
        revision: the commit of a model from the Hub.
        sha256: one number for all files that decide the model's output.
        notice: terms that must be shown before the model is used.
        default_format: ``chat`` or ``plain`` where the catalogue says so.
        origin: where the files came from, in words.
    """

    name: str
    path: Path
    revision: str | None
    sha256: str
    notice: str | None
    default_format: str | None
    origin: str


def check_folder(path: Path) -> None:
    """Nothing when the folder holds a whole model that loads without pickle.

    Raises:
        ModelError: config, tokenizer or weights are missing, pickled or cut short.
    """
    where = str(path)
    if not (path / "config.json").is_file():
        raise _no_config(path)
    weights = _weight_files(path)
    if not weights:
        raise _no_weights(path)
    if not _matching(path, TOKENIZER_FILES):
        raise ModelError(
            "there is no tokenizer in this folder (tokenizer.json is missing)",
            where=where,
            fix="Save the tokenizer beside the model: tokenizer.save_pretrained(FOLDER).",
        )
    for file in weights:
        check_safetensors(file)


def _no_config(path: Path) -> ModelError:
    if (path / "adapter_config.json").is_file():
        return ModelError(
            "this folder holds an adapter, not a model", where=str(path), fix=f"Name it as adapter={path} instead."
        )
    ggufs = sorted(path.glob("*.gguf"))
    fix = f"Name the file: model={ggufs[0]}" if ggufs else "Name a folder written by model.save_pretrained(FOLDER)."
    return ModelError("this folder has no config.json, so it is not a model", where=str(path), fix=fix)


def _no_weights(path: Path) -> ModelError:
    pickled = _matching(path, PICKLED_WEIGHTS)
    if pickled:
        return ModelError(
            f"the weights are a pickle ({pickled[0].name}), which can run any code when it is loaded",
            where=str(path),
            fix="Where you trust the file, load it there and save it again: model.save_pretrained(FOLDER).",
        )
    return ModelError(
        "this folder has no weights (model.safetensors is missing)",
        where=str(path),
        fix="Name a folder written by model.save_pretrained(FOLDER), or copy it again.",
    )


def _weight_files(path: Path) -> list[Path]:
    single = path / "model.safetensors"
    if single.is_file():
        return [single]
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return []
    names = sorted(set(_read_json(index).get("weight_map", {}).values()))
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise ModelError(
            f"{len(missing)} of {len(names)} weight files are missing, the first is {missing[0]}",
            where=str(path),
            fix="Copy or download the folder again.",
        )
    return [path / name for name in names]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"this file cannot be read as JSON: {error}", where=str(path), fix="Copy the folder again."
        ) from error
    if not isinstance(value, dict):
        raise ModelError("this file is not a JSON object", where=str(path), fix="Copy the folder again.")
    return value


def check_safetensors(path: Path) -> None:
    """Nothing when the file is as long as its header says.

    Raises:
        ModelError: the file is cut short, too long, or no safetensors file.

    Source: the safetensors format: 8 bytes of header length N (little endian), N bytes of JSON, then the data.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        (header_bytes,) = struct.unpack("<Q", head) if len(head) == 8 else (0,)
        if not 2 <= header_bytes <= min(HEADER_LIMIT_BYTES, size - 8):
            raise _broken(path, f"it is no safetensors file, or was cut off within its header ({size} bytes)")
        try:
            header = json.loads(file.read(header_bytes))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _broken(path, f"its header cannot be read ({error})") from error
    expected = 8 + header_bytes + end
    if size != expected:
        raise _broken(path, f"it has {size} bytes where its header says {expected}")


def count_weights(path: Path) -> int:
    """The number of weights in a model's folder, from the headers of its files alone."""
    return sum(_numbers(file) for file in _weight_files(path))


def _numbers(path: Path) -> int:
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_bytes))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def _broken(path: Path, why: str) -> ModelError:
    return ModelError(
        f"the weights are damaged: {why}", where=str(path), fix="Delete the file, then copy or download it again."
    )


def _matching(path: Path, patterns: Iterable[str]) -> list[Path]:
    files = (file for file in path.iterdir() if file.is_file() and not file.name.startswith("adapter_"))
    return sorted(file for file in files if any(fnmatch.fnmatchcase(file.name, pattern) for pattern in patterns))


def decides(name: str) -> bool:
    """Whether a file of this name in a model's folder decides the model's output."""
    return not name.startswith("adapter_") and any(fnmatch.fnmatchcase(name, pattern) for pattern in IDENTITY_FILES)


def copy_the_rest(base: Path, target: Path) -> None:
    """Copies all that decides a model's output but its weights: configuration and tokenizer stay those of its base."""
    for path in base.iterdir():
        weights = path.name.endswith((".safetensors", ".safetensors.index.json"))
        if path.is_file() and decides(path.name) and not weights:
            shutil.copy2(path, target / path.name)


def folder_sha256(path: Path) -> str:
    """The identity of the model in a folder: SHA-256 over the names, sizes and contents of the files that decide it.

    A file that did not change since it was last hashed is not read again.
    """
    files = [file for file in path.iterdir() if file.is_file() and decides(file.name)]
    return identity({file.name: (file.stat().st_size, file_sha256(file)) for file in files})


def identity(files: Mapping[str, tuple[int, str]]) -> str:
    """SHA-256 over (name, size in bytes, SHA-256) of each file, whatever the order they come in."""
    digest = hashlib.sha256()
    for name, (size, sha256) in sorted(files.items()):
        digest.update(f"{name}\0{size}\0{sha256}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, remembered in the cache folder for as long as its size and time of change stay the same."""
    stat = path.stat()
    full_path = str(path.resolve())
    state = {"path": full_path, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    memory = cache_dir() / "hashes" / f"{hashlib.sha256(full_path.encode()).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, ModelError):  # never written, or damaged: hash again
        known = _read_json(memory)
        if {key: known.get(key) for key in state} == state and isinstance(known.get("sha256"), str):
            return str(known["sha256"])
    sha256 = sha256_of(path)
    # A cache that cannot be written costs time in the next run, never the result of this one.
    with contextlib.suppress(OSError):
        write_json(memory, {**state, "sha256": sha256})
    return sha256


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Nothing; the file is either written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
