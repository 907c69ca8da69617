"""Brings a catalogue model, or a GGUF file, into the cache as a folder that is either whole or not there.

Everything happens in a working folder beside the final one; the marker ``complete.json`` is written last, and then the
folder is moved into place. One lock per model: a second process waits and uses what the first one made.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.errors import ModelError, did_you_mean
from promptsci.lm.catalogue import CatalogueModel, Progress, cache_dir, catalogue
from promptsci.lm.convert import CONVERTER_VERSION, check_gguf
from promptsci.lm.download import convert_in_child, make_model
from promptsci.lm.folder import ModelFolder, check_folder, decides, file_sha256, identity, sha256_of, write_json

MARKER = "complete.json"


@dataclass(frozen=True)
class CachedModel:
    """A model in the cache, and the room it takes."""

    name: str
    path: Path
    size_bytes: int


def pull(name: str, progress: Progress | None = None) -> ModelFolder:
    """The folder of a catalogue model, downloaded, checked and converted first where that is needed.

    The model's terms of use, where it has its own, go to stderr before anything is downloaded.

    Raises:
        ModelError: unknown name, no network, no pip, no room, or the download is not what it should be.
    """
    model = _known(name)
    path, made_from = _place(model)

    def build(work: Path) -> None:
        if model.notice:
            say(f"{model.name}: {model.notice}")
        _check_room(work, model.needed_bytes)
        make_model(model, work, progress)

    marker = _ensure(path, made_from, build)
    return ModelFolder(
        name=model.name,
        path=path,
        revision=None,
        sha256=str(marker["identity"]),
        notice=model.notice,
        default_format=model.default_format,
        origin=", ".join(package.requirement for package in model.source),
    )


def is_pulled(name: str) -> bool:
    """Whether a catalogue model lies whole in the cache.

    Raises:
        ModelError: no catalogue model has this name.
    """
    return _whole(*_place(_known(name))) is not None


def cached() -> list[CachedModel]:
    """The models in the cache with their sizes, by name; half-made ones are not among them."""
    found = [marker.parent for kind in ("models", "gguf") for marker in (cache_dir() / kind).glob(f"[!.]*/{MARKER}")]
    return sorted((CachedModel(path.name, path, _folder_bytes(path)) for path in found), key=lambda model: model.name)


def convert_local(gguf_path: Path, progress: Progress | None = None) -> tuple[Path, str]:
    """(folder, identity) of a GGUF file of the user's, converted once for each content of the file.

    Raises:
        ModelError: the file cannot be converted, or there is no room.
    """
    check_gguf(gguf_path)
    sha256 = file_sha256(gguf_path)
    path = cache_dir() / "gguf" / f"{gguf_path.stem}-{sha256[:12]}"
    made_from = {"gguf": sha256, "converter": CONVERTER_VERSION}

    def build(work: Path) -> None:
        convert_in_child(gguf_path.absolute(), work / "model", None, progress)

    return path, str(_ensure(path, made_from, build)["identity"])


def say(text: str) -> None:
    """Nothing; the text is on stderr, where it does not mix with results."""
    print(text, file=sys.stderr, flush=True)


def _known(name: str) -> CatalogueModel:
    models = catalogue()
    if name not in models:
        raise ModelError(f"there is no catalogue model '{name}'", fix=did_you_mean(name, models))
    return models[name]


def _place(model: CatalogueModel) -> tuple[Path, Mapping[str, Any]]:
    return cache_dir() / "models" / model.name, _made_from(model)


def _made_from(model: CatalogueModel) -> Mapping[str, Any]:
    """What decides the folder's content: another source or converter makes the model anew."""
    if model.gguf is None:
        return {"files": {Path(part.path).name: part.sha256 for part in model.parts}}
    return {"gguf": model.gguf.sha256, "converter": CONVERTER_VERSION}


def _ensure(path: Path, made_from: Mapping[str, Any], build: Callable[[Path], None]) -> Mapping[str, Any]:
    """The marker of the folder, after building it where it is missing, damaged, or made from something else."""
    marker = _whole(path, made_from)
    if marker is not None:
        return marker
    with _full_disk_is_an_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            marker = _whole(path, made_from)  # another process may have made it meanwhile
            if marker is None:
                if path.exists():
                    say(f"{path.name}: the cached files are damaged or out of date and are made again")
                _remove_leftovers(path)
                marker = _build(path, made_from, build)
    return marker


def _build(path: Path, made_from: Mapping[str, Any], build: Callable[[Path], None]) -> Mapping[str, Any]:
    work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.work-"))
    try:
        build(work)
        made = work / "model"
        check_folder(made)
        marker = _mark(made, made_from)
        if path.exists():
            path.replace(work / "old")
        made.replace(path)
        return marker
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _mark(folder: Path, made_from: Mapping[str, Any]) -> Mapping[str, Any]:
    hashes = {file.name: (file.stat().st_size, sha256_of(file)) for file in sorted(folder.iterdir()) if file.is_file()}
    decisive = {name: known for name, known in hashes.items() if decides(name)}
    marker = {
        "made_from": dict(made_from),
        "files": {name: {"size": size, "sha256": sha256} for name, (size, sha256) in hashes.items()},
        "identity": identity(decisive),
    }
    write_json(folder / MARKER, marker)
    # safetensors writes files that only their owner may read, which would spoil a cache shared by a group.
    for file in folder.iterdir():
        shutil.copymode(folder / "config.json", file)
    return marker


def _whole(path: Path, made_from: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The folder's marker, when each file it names still has the size and the content it had; None otherwise."""
    try:
        marker: Mapping[str, Any] = json.loads((path / MARKER).read_text(encoding="utf-8"))
        same_source = marker["made_from"] == dict(made_from)
        files = [(path / name, entry) for name, entry in marker["files"].items()]
        same_sizes = all(file.stat().st_size == entry["size"] for file, entry in files)
        whole = same_source and same_sizes and all(file_sha256(file) == entry["sha256"] for file, entry in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return marker if whole else None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nothing, once this process alone works on the folder."""
    from filelock import FileLock, Timeout

    lock = FileLock(path.parent / f".{path.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{path.name}: another process is fetching it; waiting for that")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _remove_leftovers(path: Path) -> None:
    """Nothing; called under the lock, when every working folder is one that a killed process left behind."""
    for leftover in path.parent.glob(f".{path.name}.work-*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _full_disk_is_an_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room(path.parent, None) from error
        raise ModelError(
            f"the model cache cannot be written: {error}",
            where=str(path.parent),
            fix="Set PROMPTSCI_HOME to a folder that you may write to.",
        ) from error


def _check_room(folder: Path, needed_bytes: int) -> None:
    if shutil.disk_usage(folder).free < needed_bytes:
        raise _no_room(folder.parent, needed_bytes)


def _no_room(folder: Path, needed_bytes: int | None) -> ModelError:
    free = shutil.disk_usage(folder).free
    needed = "" if needed_bytes is None else f"; {needed_bytes / 1e9:.1f} GB are needed for a while"
    return ModelError(
        f"the disk of the model cache is full ({free / 1e9:.1f} GB free{needed})",
        where=str(folder),
        fix="Make room, or set PROMPTSCI_HOME to a folder on another disk.",
    )


def _folder_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
