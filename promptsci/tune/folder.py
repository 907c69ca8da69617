"""The folder of one tuning: ``tune.json``, ``adapter/`` or ``model/``, and checkpoints while it works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from promptsci.errors import RunError, did_you_mean
from promptsci.runs import RunFolder, atomic_file, find_run, guarded, list_runs, write_atomically

MERGED = "merged"
"""Where ``promptsci merge`` writes, beside the adapter that it merges."""

CURRENT = "current.json"
"""Which weights are in use since a tuning was updated."""
IN_USE = "@current"
"""Behind a name: the weights in use instead of those that were tuned there."""


class TuneFolder:
    """One tuning on disk."""

    def __init__(self, path: Path, *, full: bool = False) -> None:
        self.path = path
        self.record_path = path / "tune.json"
        self.checkpoints = path / "checkpoints"
        self.weights = path / ("model" if full else "adapter")
        self.measured_path = path / "measured.json"
        self.opening_path = path / "opening.json"
        self.answers_path = path / "answers.json"
        self.importance_path = path / "importance.safetensors"

    @property
    def exists(self) -> bool:
        """Whether a tuning was ever started here."""
        return self.record_path.is_file()

    @property
    def is_trained(self) -> bool:
        """Whether the weights are in place; they appear there whole."""
        return self.weights.is_dir()

    def read(self) -> dict[str, Any]:
        """What tune.json holds.

        Raises:
            RunError: it cannot be read.
        """
        return _read(self.record_path)

    def write(self, record: Mapping[str, Any]) -> None:
        """Writes tune.json whole or not at all."""
        write_atomically(self.record_path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")

    def read_measured(self) -> dict[str, Any] | None:
        """Log-likelihoods of validation rows of the base and of the best weights so far; None before the first."""
        return _read(self.measured_path) if self.measured_path.is_file() else None

    def write_measured(self, measured: Mapping[str, Any]) -> None:
        """Writes them whole or not at all."""
        write_atomically(self.measured_path, json.dumps(measured))

    def read_opening(self) -> dict[str, Any] | None:
        """Which shots a prefix begins with, and what was tried; None before that is chosen."""
        return _read(self.opening_path) if self.opening_path.is_file() else None

    def write_opening(self, told: Mapping[str, Any]) -> None:
        """Writes it whole or not at all."""
        write_atomically(self.opening_path, json.dumps(told))

    def read_answers(self) -> dict[str, list[float]] | None:
        """Lesson -> the answers that are kept of it; None before they were asked for."""
        return _read(self.answers_path) if self.answers_path.is_file() else None

    def write_answers(self, told: Mapping[str, list[float]]) -> None:
        """Writes them whole or not at all."""
        write_atomically(self.answers_path, json.dumps(told))

    def read_importance(self) -> dict[str, Any] | None:
        """Weight -> how much it matters to earlier tasks; None before that was found."""
        from safetensors.torch import load_file

        return load_file(self.importance_path) if self.importance_path.is_file() else None

    def write_importance(self, found: Mapping[str, Any]) -> None:
        """Writes them whole or not at all."""
        from safetensors.torch import save

        with atomic_file(self.importance_path) as file:
            file.write(save({name: part.contiguous() for name, part in found.items()}))

    def tidy(self) -> None:
        """Removes what only a training that goes on needs."""
        with guarded(self.path):
            shutil.rmtree(self.checkpoints, ignore_errors=True)
            for path in (self.answers_path, self.importance_path):
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Removes what an earlier tuning left, so that a fresh one can start."""
        self.tidy()
        with guarded(self.path):
            for path in (self.weights, self.path / MERGED):
                shutil.rmtree(path, ignore_errors=True)
            for path in (self.measured_path, self.opening_path, self.record_path):
                path.unlink(missing_ok=True)

    def place(self, source: Path) -> None:
        """Moves finished weights to where they stay; they are there whole or not at all."""
        with guarded(self.weights):
            shutil.rmtree(self.weights, ignore_errors=True)
            source.replace(self.weights)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from working here.

        Raises:
            RunError: one does.
        """
        from filelock import FileLock, Timeout

        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            with lock:
                yield
        except Timeout as error:
            fix = "Wait until it is done; the same command then prints its result."
            raise RunError("another process is working on this tuning", where=str(self.path), fix=fix) from error


def read_current(folder: Path) -> dict[str, Any] | None:
    """What current.json in the folder of a tuning holds; None where it was never updated."""
    return _read(folder / CURRENT) if (folder / CURRENT).is_file() else None


def find_adapter(word: str, root: Path) -> Path:
    """The folder of the adapter that a word means: a PEFT folder, the folder of a tuning or of a run, or a name of one.

    With ``@current`` behind it, the weights that are in use since the tuning was updated.

    Raises:
        RunError: there is none, more than one, or the tuning made a whole model.
    """
    if word.endswith(IN_USE):
        found = find_adapter(word.removesuffix(IN_USE), root)
        current = read_current(found.parent)
        return Path(current["weights"]) if current else found
    path = Path(word).expanduser()
    if (path / "run.json").is_file():
        return _adapter_of(RunFolder(path))
    if path.is_dir() and not (path / "tune.json").is_file():
        return path
    there = {found.parent.name: found.parent for found in root.glob("*/*/tune.json")}
    named = {str(_read(folder / "tune.json").get("name")): folder for folder in there.values()}
    hits = {path} if path.is_dir() else {known[word] for known in (there, named) if word in known}
    hits = hits or {folder for name, folder in (there | named).items() if name.startswith(word)}
    if len(hits) > 1:
        raise RunError(f"'{word}' names {len(hits)} tunings", fix="Write more of the name.")
    if not hits and any(run.path.name.startswith(word) for run in list_runs(root)):
        return _adapter_of(find_run(word, root))
    if not hits:
        near = did_you_mean(word, [*there, *named])
        raise RunError(f"there is no adapter '{word}', neither as a folder nor in {root}", fix=near or _MAKE_ONE)
    return _adapter_in(hits.pop())


_MAKE_ONE = "Make one with promptsci tune, or name a folder that PEFT wrote."


def _adapter_of(run: RunFolder) -> Path:
    """The folder of the adapter that a run was made with."""
    stored = run.read_run().get("settings", {}).get("adapter")
    if stored is None:
        raise RunError("this run was made without an adapter", where=str(run.path), fix=_MAKE_ONE)
    if not Path(stored).is_dir():
        raise RunError(f"the adapter of this run is not there any more: {stored}", where=str(run.path), fix=_MAKE_ONE)
    return Path(stored)


def _adapter_in(folder: Path) -> Path:
    if (folder / "adapter").is_dir():
        return folder / "adapter"
    if (folder / "model").is_dir():
        fix = f"Use it as model={folder / 'model'}."
        raise RunError("this tuning made a whole model, no adapter", where=str(folder), fix=fix)
    raise RunError("this tuning is not finished", where=str(folder), fix="Run its command again; it goes on.")


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read the file: {error}", where=str(path), fix="Tune again with --fresh.") from error
    assert isinstance(value, dict)
    return value
