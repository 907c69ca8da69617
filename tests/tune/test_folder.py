from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from promptsci.errors import RunError
from promptsci.tune.folder import TuneFolder, find_adapter


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of runs with two tunings that made adapters, one that made a model, and one that is not finished."""
    made = {
        "tune_lora_a": ("lora-1234", "adapter"),
        "tune_lora_b": ("lora-1299", "adapter"),
        "tune_full_a": ("full-5678", "model"),
        "tune_ia3_a": ("ia3-9999", None),
    }
    for folder, (name, weights) in made.items():
        path = tmp_path / "task" / folder
        path.mkdir(parents=True)
        (path / "tune.json").write_text(json.dumps({"name": name}))
        if weights:
            (path / weights).mkdir()
    return tmp_path


def test_an_adapter_goes_by_many_names(root: Path, tmp_path: Path) -> None:
    """Its folder, its tuning's folder, the tuning's name, and any beginning that fits one only."""
    expected = root / "task" / "tune_lora_a" / "adapter"

    for word in (str(expected), str(expected.parent), "lora-1234", "lora-123", "tune_lora_a"):
        assert find_adapter(word, root) == expected


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("lora-12", "names 2 tunings"),
        ("full-5678", "made a whole model"),
        ("ia3-9999", "not finished"),
        ("lora-4321", "Did you mean 'lora-"),
        ("./nowhere", "neither as a folder nor"),
    ],
)
def test_a_word_that_means_no_adapter_says_why(word: str, words: str, root: Path) -> None:
    """Two that fit, a model, an unfinished tuning, and none at all are told apart."""
    with pytest.raises(RunError) as caught:
        find_adapter(word, root)

    assert words in caught.value.text()


def test_weights_are_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Finished weights replace what stood there in one move; clearing leaves nothing of a tuning."""
    folder = TuneFolder(tmp_path / "tune")
    source = tmp_path / "tune" / ".finished"
    source.mkdir(parents=True)
    (source / "adapter_model.safetensors").write_bytes(b"1")
    assert not folder.is_trained
    folder.place(source)
    folder.write({"name": "x"})

    assert folder.is_trained
    assert folder.exists
    assert not source.exists()
    folder.clear()
    assert not folder.is_trained
    assert not folder.exists


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """While one process tunes in a folder, another is told so; when it is killed, the lock is gone."""
    code = (
        "import sys, time; from pathlib import Path; from promptsci.tune.folder import TuneFolder\n"
        "with TuneFolder(Path(sys.argv[1])).locked():\n print('locked', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(RunError, match="another process is working"), TuneFolder(tmp_path).locked():
            pass
        other.kill()
    with TuneFolder(tmp_path).locked():
        pass
