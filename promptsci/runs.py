"""The Run folder: ``run.json``, ``predictions.jsonl``, ``scores.json``. All that the two wings know of each other.

While a run works, rows go to ``predictions.partial.jsonl``, each flushed as it is done. A row is the last thing a
killed run can
tear, so reading drops a torn last line. When all rows are there, ``predictions.jsonl`` is written in the order of the
data and put
in place at once: the folder has that file if and only if the run is whole.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson  # four times as fast as json, and a comparison reads hundreds of thousands of rows

from promptsci.errors import RunError, did_you_mean

Row = dict[str, Any]


def runs_root(folder: str | Path | None = None) -> Path:
    """The folder of all runs: the one given, ``$PROMPTSCI_RUNS``, or ``./runs``."""
    return Path(folder or os.environ.get("PROMPTSCI_RUNS") or "runs")


def settings_key(settings: Mapping[str, Any]) -> str:
    """Eight hex digits that name a set of settings."""
    return hashlib.sha256(_dumps(settings).encode()).hexdigest()[:8]


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_path = path / "run.json"
        self.predictions_path = path / "predictions.jsonl"
        self.partial_path = path / "predictions.partial.jsonl"
        self.scores_path = path / "scores.json"

    @property
    def is_whole(self) -> bool:
        """Whether every row has been predicted."""
        return self.predictions_path.is_file()

    @property
    def is_busy(self) -> bool:
        """Whether a process is adding rows right now."""
        try:
            with self.partial_path.open("rb") as file:
                return not _lock(file)
        except OSError:
            return False

    @property
    def exists(self) -> bool:
        """Whether a run was ever started here."""
        return self.run_path.is_file()

    def read_run(self) -> Row:
        """What run.json holds.

        Raises:
            RunError: there is none, or it cannot be read.
        """
        return _read_json(self.run_path)

    def read_scores(self) -> Row:
        """What scores.json holds."""
        return _read_json(self.scores_path)

    def write_run(self, run: Mapping[str, Any]) -> None:
        """Writes run.json whole or not at all."""
        write_atomically(self.run_path, _pretty(run))

    def write_scores(self, scores: Mapping[str, Any]) -> None:
        """Writes scores.json whole or not at all."""
        write_atomically(self.scores_path, _pretty(scores))

    def clear(self) -> None:
        """Removes what an earlier run left, so that a fresh one can start.

        Raises:
            RunError: a process is adding rows, or the files cannot be removed.
        """
        self.check_idle()
        for path in (self.predictions_path, self.partial_path, self.scores_path, self.run_path):
            with guarded(path):
                path.unlink(missing_ok=True)

    def check_idle(self) -> None:
        """Nothing when no other process adds rows here.

        Raises:
            RunError: one does.
        """
        if self.is_busy:
            raise _busy(self.path)

    def rows(self) -> Iterator[Row]:
        """The rows of predictions.jsonl, in the order of the data."""
        if not self.is_whole:
            raise RunError(
                "the run is not finished", where=str(self.path), fix="Run the same command again; it goes on."
            )
        with self.predictions_path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield _parse(line, self.predictions_path, number)

    def partial_rows(self) -> list[Row]:
        """The rows done so far; a torn last line is cut off the file.

        Raises:
            RunError: a row is damaged.
        """
        if not self.partial_path.is_file():
            return []
        raw = self.partial_path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            with guarded(self.partial_path), self.partial_path.open("r+b") as file:
                file.truncate(len(whole))
        return [_parse(line, self.partial_path, number) for number, line in enumerate(whole.splitlines(), 1)]

    def count_rows(self) -> int:
        """Rows done so far, finished or not."""
        path = self.predictions_path if self.is_whole else self.partial_path
        return path.read_bytes().count(b"\n") if path.is_file() else 0

    @contextmanager
    def appending(self) -> Iterator[RowWriter]:
        """A writer that adds rows to the partial file, each flushed to the system as it is written.

        Raises:
            RunError: another process adds rows, or they cannot be written.
        """
        with guarded(self.partial_path):
            self.path.mkdir(parents=True, exist_ok=True)
            with self.partial_path.open("ab") as file:
                if not _lock(file):
                    raise _busy(self.path)
                yield RowWriter(file, self.partial_path)

    def finish(self, order: Sequence[str], decisions: Mapping[str, Any] | None = None) -> None:
        """Writes predictions.jsonl from the rows on disk, in the order of ids, each row's decision under ``label``."""
        source = self.partial_path if self.partial_path.is_file() else self.predictions_path
        places = _line_places(source)
        with atomic_file(self.predictions_path) as out, source.open("rb") as lines:
            for row_id in order:
                lines.seek(places[row_id])
                row = json.loads(lines.readline())
                if decisions is not None:
                    row = {
                        "id": row["id"],
                        "gold": row["gold"],
                        "label": decisions[row_id],
                        **{k: v for k, v in row.items() if k not in ("id", "gold", "label")},
                    }
                out.write((_dumps(row) + "\n").encode())
        self.partial_path.unlink(missing_ok=True)


class RowWriter:
    """Adds rows to a file."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file = file
        self._path = path

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds one row and hands it to the operating system, where a killed program cannot lose it."""
        with guarded(self._path):
            self._file.write((_dumps(row) + "\n").encode())
            self._file.flush()


def list_runs(root: Path, task: str | None = None) -> list[RunFolder]:
    """All runs under a root, oldest first."""
    found = [RunFolder(path.parent) for path in root.glob(f"{task or '*'}/*/run.json")]
    return sorted(found, key=lambda run: (run.run_path.stat().st_mtime, str(run.path)))


def find_run(name: str, root: Path) -> RunFolder:
    """The run in a folder, or the one whose folder name is or begins with ``name``.

    Raises:
        RunError: there is none, or more than one.
    """
    if (Path(name) / "run.json").is_file():
        return RunFolder(Path(name))
    runs = {str(run.path.relative_to(root)): run for run in list_runs(root)}
    hits = [key for key in runs if key == name or Path(key).name == name] or [
        key for key in runs if Path(key).name.startswith(name) or key.endswith(name)
    ]
    if len(hits) == 1:
        return runs[hits[0]]
    if hits:
        raise RunError(f"'{name}' names {len(hits)} runs: {', '.join(sorted(hits))}", fix="Write more of the name.")
    near = did_you_mean(name, runs)
    raise RunError(
        f"there is no run '{name}' in {root}", fix=near if near.startswith("Did") else "List them with: promptsci runs"
    )


def run_name(parts: Iterable[str], settings: Mapping[str, Any]) -> str:
    """A folder name that people can read and that differs whenever the settings differ."""
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.") for part in parts]
    return "_".join([word for word in words if word] + [settings_key(settings)])


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write into a RunError that says what to do."""
    try:
        yield
    except OSError as error:
        fix = "Choose another folder with --runs."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            fix = "What was written is kept. Make room, and the same command goes on; or use --runs on another disk."
        raise RunError(f"cannot write: {error.strerror}", where=str(path), fix=fix) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Any]:
    """A binary file that appears under its name only when it is whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with guarded(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    with atomic_file(path) as file:
        file.write(text.encode())


def _lock(file: BinaryIO) -> bool:
    """Whether this process now holds the file's lock, which the system gives back even when the process is killed."""
    try:
        import fcntl
    except ImportError:  # Windows: two processes at one run are not noticed there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _busy(path: Path) -> RunError:
    return RunError(
        "another process is working on this run",
        where=str(path),
        fix="Wait until it is done; the same command then prints its result.",
    )


def _line_places(path: Path) -> dict[str, int]:
    places: dict[str, int] = {}
    with path.open("rb") as lines:
        at = 0
        for number, line in enumerate(lines, 1):
            places[_parse(line, path, number)["id"]] = at
            at += len(line)
    return places


def _parse(line: str | bytes, path: Path, number: int) -> Row:
    try:
        row = orjson.loads(line)
    except ValueError as error:
        what = f"the row is not JSON: {error}"
        raise RunError(what, where=f"{path}:{number}", fix="Run again with --fresh.") from error
    assert isinstance(row, dict)
    return row


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _read_json(path: Path) -> Row:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read the file: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise RunError(f"the file is not JSON: {error}", where=str(path), fix="Run again with --fresh.") from error
    assert isinstance(value, dict)
    return value
