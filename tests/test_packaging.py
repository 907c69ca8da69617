"""What a user gets by pip: a wheel that works from an empty folder, with the tasks and templates inside."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def command(*words: object, cwd: Path) -> str:
    """What a command printed; a failing command fails the test with all it said."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files_below(folder: str) -> set[str]:
    """The files that git would keep below a folder of the repository, as paths from its top."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != ".DS_Store"
    }


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist of this repository and the wheel built from that sdist, without the network."""
    folder = tmp_path_factory.mktemp("dist")
    command(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


def test_the_wheel_holds_the_package_and_the_catalog(dist: Path) -> None:
    """Every file of promptsci/, tasks/ and templates/ is in the wheel that is built from the sdist."""
    (wheel,) = dist.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    catalog = {f"promptsci/_catalog/{name}" for name in files_below("tasks") | files_below("templates")}

    assert files_below("promptsci") - held == set()
    assert catalog - held == set()
    assert any(name.endswith("task.yaml") for name in catalog)
    assert any(name.endswith(".jinja") for name in catalog)


def test_the_sdist_holds_what_a_change_needs(dist: Path) -> None:
    """Tests, docs and scripts travel with the source."""
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}

    assert (files_below("tests") | files_below("docs") | files_below("scripts")) - held == set()
    assert {"README.md", "LICENSE", "CHANGELOG.md", "constraints.txt"} - held == set()


def test_the_installed_wheel_works_from_an_empty_folder(dist: Path, tmp_path: Path) -> None:
    """Installed, not editable, far from the repository: the command starts, and finds the shipped tasks."""
    (wheel,) = dist.glob("*.whl")
    home, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    # Not --system-site-packages: that shows the base interpreter's packages, not those of the venv that runs the tests.
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    command(
        sys.executable,
        "-m",
        "pip",
        "--python",
        home / "bin/python",
        "install",
        "--no-deps",
        "--quiet",
        wheel,
        cwd=empty,
    )

    place = command(home / "bin/python", "-c", "import promptsci; print(promptsci.__file__)", cwd=empty)
    assert Path(place.strip()).is_relative_to(site)

    assert "Usage" in command(home / "bin/promptsci", "--help", cwd=empty)
    tasks = command(home / "bin/promptsci", "tasks", cwd=empty)
    assert {path.name for path in (ROOT / "tasks").iterdir() if (path / "task.yaml").is_file()} <= set(
        re.findall(r"[\w-]+", tasks)
    )


def test_the_constraints_pin_every_dependency() -> None:
    """Each package that pyproject.toml names, but for the optional extras, has an exact pin in constraints.txt."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = set()
    for name in ("dependencies", "dev"):
        body = re.search(rf"^{name} = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL).group(1)
        needed |= {word.lower() for word in re.findall(r'^ +"([A-Za-z0-9_-]+)', body, re.MULTILINE)}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))

    assert needed
    assert needed - pinned == set()
