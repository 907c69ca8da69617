from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.errors import RunError
from promptsci.runs import (
    RunFolder,
    atomic_file,
    find_run,
    list_runs,
    run_name,
    runs_root,
    settings_key,
    write_atomically,
)

ROW = {"id": "a", "gold": "x", "nats": {"x": [-1.5]}}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that has not begun."""
    return RunFolder(tmp_path / "task" / "run")


def write_rows(folder: RunFolder, *ids: str) -> None:
    """Rows of these ids, as a run writes them."""
    with folder.appending() as writer:
        for name in ids:
            writer.write({**ROW, "id": name})


def make_run(root: Path, task: str, name: str, at_s: int) -> RunFolder:
    """A started run whose run.json was written at a time."""
    run = RunFolder(root / task / name)
    run.write_run({"task": task})
    os.utime(run.run_path, (at_s, at_s))
    return run


@given(rows=st.lists(st.dictionaries(st.text(), st.text()), max_size=5))
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    """Whatever characters a row holds, line ends of every kind among them, it is one line and reads back the same."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    with folder.appending() as writer:
        for number, row in enumerate(rows):
            writer.write({"id": str(number), "row": row})

    assert [row["row"] for row in folder.partial_rows()] == rows


def test_a_finished_run_has_its_rows_in_order(folder: RunFolder) -> None:
    """Rows are put into the order of the data, each with its decision; the partial file goes."""
    write_rows(folder, "c", "a", "b")
    folder.finish(["a", "b", "c"], {"a": "x", "b": "y", "c": "z"})

    assert [(row["id"], row["label"]) for row in folder.rows()] == [("a", "x"), ("b", "y"), ("c", "z")]
    assert list(next(folder.rows())) == ["id", "gold", "label", "nats"]
    assert folder.is_whole
    assert not folder.partial_path.exists()


def test_decisions_can_be_replaced(folder: RunFolder) -> None:
    """Judging again changes the labels and nothing else."""
    write_rows(folder, "a")
    folder.finish(["a"], {"a": "x"})
    before = folder.predictions_path.read_bytes()
    folder.finish(["a"], {"a": "y"})

    assert folder.predictions_path.read_bytes() == before.replace(b'"label": "x"', b'"label": "y"')


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off(folder: RunFolder, cut: int) -> None:
    """Wherever a kill tears the last row, the rows before it stay and the next one is written after them."""
    write_rows(folder, "a", "b")
    raw = folder.partial_path.read_bytes()
    folder.partial_path.write_bytes(raw[:-cut] if cut < len(raw) // 2 else raw[: len(raw) // 2])
    kept = [row["id"] for row in folder.partial_rows()]
    write_rows(folder, "c")

    assert kept == ["a"]
    assert [row["id"] for row in folder.partial_rows()] == ["a", "c"]


def test_a_run_that_is_not_finished_has_no_rows_to_judge(folder: RunFolder) -> None:
    """Rows are read from whole runs only, and the message says what to do."""
    write_rows(folder, "a")
    with pytest.raises(RunError, match=r"(?s)the run is not finished.*Run the same command again"):
        list(folder.rows())
    assert RunFolder(folder.path / "none").partial_rows() == []


def test_clearing_removes_what_a_run_left(folder: RunFolder) -> None:
    """A fresh start finds nothing, and what others put there stays."""
    write_rows(folder, "a")
    folder.finish(["a"])
    folder.write_run({})
    folder.write_scores({})
    (folder.path / "notes.txt").write_text("mine")
    folder.clear()

    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]


def test_two_processes_do_not_write_one_run(folder: RunFolder) -> None:
    """While one process adds rows, another is told; afterwards the run is free again."""
    imports = "import sys; from pathlib import Path; from promptsci.runs import RunFolder"
    command = [sys.executable, "-c", f"{imports}; RunFolder(Path(sys.argv[1])).check_idle()", str(folder.path)]
    settings: dict[str, Any] = {"capture_output": True, "text": True, "cwd": Path(__file__).parents[1]}
    with folder.appending():
        busy = subprocess.run(command, check=False, **settings)
    free = subprocess.run(command, check=False, **settings)

    assert "another process is working on this run" in busy.stderr
    assert free.returncode == 0, free.stderr


def full_disk(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Lets a function of the operating system say that the disk is full."""

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, name, refuse)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written whole is not there at all, and what it would have replaced is untouched."""
    path = tmp_path / "scores.json"
    write_atomically(path, "old")
    full_disk(monkeypatch, "fsync")
    with pytest.raises(
        RunError, match=r"(?s)scores.json: cannot write: No space left on device.*the same command goes on"
    ):
        write_atomically(path, "new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_the_old_file(tmp_path: Path) -> None:
    """Whatever stops the writing, half a file never appears."""
    path = tmp_path / "a.json"

    def write() -> None:
        with atomic_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()

    assert list(tmp_path.iterdir()) == []


LIMITED = """
import resource, sys
from pathlib import Path
from promptsci.errors import RunError
from promptsci.runs import RunFolder
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
folder = RunFolder(Path(sys.argv[1]))
try:
    with folder.appending() as writer:
        for number in range(1000):
            writer.write({"id": str(number), "text": "x" * 90})
except RunError as error:
    print(error)
"""


def test_a_disk_that_fills_up_keeps_the_rows_before(folder: RunFolder) -> None:
    """A row that is torn by a full disk is an error that says what to do; the rows before it are read again."""
    command = [sys.executable, "-c", LIMITED, str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    kept = folder.partial_rows()

    assert done.returncode == 0, done.stderr
    assert "cannot write" in done.stdout
    assert "the same command goes on" in done.stdout
    assert [row["id"] for row in kept] == [str(number) for number in range(len(kept))]
    assert 30 < len(kept) < 1000
    assert folder.partial_path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize(
    "write", [lambda run: run.write_run({}), lambda run: write_rows(run, "a")], ids=["json", "rows"]
)
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, write: Callable[[RunFolder], None]) -> None:
    """A folder that cannot be made is an error with its path, not a traceback."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot write"):
        write(RunFolder(tmp_path / "file" / "run"))


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read the file: No such file"), ("{", "the file is not JSON")]
)
def test_a_run_that_cannot_be_read_is_told(folder: RunFolder, content: str | None, message: str) -> None:
    """Missing and broken files are named."""
    if content is not None:
        folder.path.mkdir(parents=True)
        folder.run_path.write_text(content)
    with pytest.raises(RunError, match=message):
        folder.read_run()


def test_runs_are_listed_oldest_first(tmp_path: Path) -> None:
    """All runs, or those of a task."""
    made = [make_run(tmp_path, task, name, at) for task, name, at in (("b", "y", 30), ("a", "x", 10), ("b", "z", 20))]

    assert [run.path for run in list_runs(tmp_path)] == [made[1].path, made[2].path, made[0].path]
    assert [run.path.name for run in list_runs(tmp_path, "b")] == ["z", "y"]
    assert list_runs(tmp_path / "none") == []


def test_a_run_is_found_by_what_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, a whole name, the task with it, the beginning, or the key at the end."""
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "runs", "a", "zero-shot_plain_0a1b2c3d", 1)
    make_run(tmp_path / "runs", "a", "8-shot_plain_99999999", 2)
    words = [str(run.path), "runs/a/zero-shot_plain_0a1b2c3d", "zero-shot_plain_0a1b2c3d", "a/zero-shot_plain_0a1b2c3d",
             "zero", "0a1b2c3d"]  # fmt: skip

    assert [find_run(word, Path("runs")).path.resolve() for word in words] == [run.path] * len(words)


def test_names_that_fit_no_run_or_several_are_told(tmp_path: Path) -> None:
    """Too short a name lists the runs it might mean; a wrong one gives the nearest."""
    for number, name in enumerate(("8-shot_x", "8-shot_y")):
        make_run(tmp_path, "a", name, number)
    with pytest.raises(RunError, match=r"'8-shot' names 2 runs: a/8-shot_x, a/8-shot_y"):
        find_run("8-shot", tmp_path)
    with pytest.raises(RunError, match=r"(?s)there is no run 'a/8-shoot_x'.*Did you mean 'a/8-shot_x'\?"):
        find_run("a/8-shoot_x", tmp_path)
    with pytest.raises(RunError, match="there is no run 'x'"):
        find_run("x", tmp_path / "none")


def test_names_differ_where_settings_do() -> None:
    """A folder's name is readable, safe as a path, and ends in a key of all settings."""
    name = run_name(["8-shot", "a/b c", "", "model.v1"], {"seed": 0})

    assert name == f"8-shot_a-b-c_model.v1_{settings_key({'seed': 0})}"
    assert settings_key({"seed": 0}) != settings_key({"seed": "0"}) != settings_key({"seed": 1})


def test_the_root_is_the_one_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder given wins over PROMPTSCI_RUNS, which wins over ./runs."""
    monkeypatch.setenv("PROMPTSCI_RUNS", "elsewhere")
    assert [runs_root("x"), runs_root()] == [Path("x"), Path("elsewhere")]
    monkeypatch.delenv("PROMPTSCI_RUNS")
    assert runs_root() == Path("runs")


def test_json_is_read_by_others(folder: RunFolder) -> None:
    """run.json is plain JSON with letters as they are."""
    folder.write_run({"task": "é", "n": 1})

    assert "é" in folder.run_path.read_text(encoding="utf-8")
    assert json.loads(folder.run_path.read_text(encoding="utf-8")) == {"task": "é", "n": 1}
