from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from promptsci.errors import ModelError
from promptsci.lm.catalogue import cache_dir, catalogue


@pytest.mark.parametrize("name", ["smollm2-135m", "gemma-3-270m", "minilm"])
def test_what_is_downloaded_is_pinned(name: str) -> None:
    """Every package has an exact version, every part a SHA-256, and the licence has an address."""
    model = catalogue()[name]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", package.requirement) for package in model.source)
    hashes = [*([model.gguf.sha256] if model.gguf else []), *(part.sha256 for part in model.parts)]
    assert hashes
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in hashes)
    assert model.terms_url.startswith("https://")
    assert model.licence
    assert (model.default_format in {"chat", "plain"}) == (model.kind == "causal LM")
    assert any(package.keep for package in model.source), "the licence text stays beside the model"


def test_a_model_with_terms_of_its_own_has_a_notice() -> None:
    """Gemma's notice names its terms; Apache-licensed SmolLM2 asks for no notice."""
    models = catalogue()
    assert models["gemma-3-270m"].notice is not None
    assert models["gemma-3-270m"].terms_url in models["gemma-3-270m"].notice
    assert models["smollm2-135m"].notice is None


def test_the_catalogue_cannot_be_changed_by_its_readers() -> None:
    """What a caller does to its copy is not seen by the next caller."""
    catalogue().clear()
    assert "smollm2-135m" in catalogue()


def test_the_cache_moves_with_promptsci_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMPTSCI_HOME names the cache, with ~ and relative paths made absolute; without it the user's cache is used."""
    monkeypatch.setenv("PROMPTSCI_HOME", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    monkeypatch.setenv("PROMPTSCI_HOME", "~/there")
    assert cache_dir() == Path.home() / "there"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMPTSCI_HOME", "here")
    assert cache_dir() == tmp_path / "here"
    monkeypatch.delenv("PROMPTSCI_HOME")
    assert "promptsci" in cache_dir().parts


def test_a_cache_that_is_a_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMPTSCI_HOME=FILE is told as such, not as a failing mkdir."""
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("PROMPTSCI_HOME", str(file))
    with pytest.raises(ModelError, match="is not a folder"):
        cache_dir()


def test_finding_a_model_does_not_import_torch() -> None:
    """The catalogue, and resolving a name, cost no import of torch or transformers."""
    code = (
        "import sys; from promptsci.errors import ModelError; from promptsci.lm.resolve import resolve\n"
        "try: resolve('smollm2-135m', offline=True)\n"
        "except ModelError: print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_with_package())
    assert done.stdout.strip() == "[]"


def _with_package() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
