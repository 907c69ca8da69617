from __future__ import annotations

import importlib
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from safetensors.numpy import save_file

from promptsci.errors import ModelError
from promptsci.lm.folder import folder_sha256
from promptsci.lm.resolve import HUB_FILES, resolve

# By its full name: in the room's public face, `resolve` is the function.
module = importlib.import_module("promptsci.lm.resolve")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_model(path: Path) -> Path:
    """A whole little model folder."""
    path.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (path / name).write_text("{}")
    save_file({"w": np.zeros(3, dtype=np.float32)}, path / "model.safetensors")
    return path


def test_a_folder_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, absolute or relative, gives the folder, its short name and its identity."""
    path = write_model(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for typed in (str(path), "mine", "./mine", "./mine/"):
        found = resolve(typed)
        assert (found.name, found.path, found.revision) == ("mine", path, None)
        assert found.sha256 == folder_sha256(path)
        assert found.default_format is None


def test_a_catalogue_name_comes_before_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """smollm2-135m is always the catalogue's; ./smollm2-135m is the folder."""
    path = write_model(tmp_path / "smollm2-135m")
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []
    monkeypatch.setattr(module, "pull", lambda name, _: asked.append(name))
    resolve("smollm2-135m")
    assert asked == ["smollm2-135m"]
    assert resolve("./smollm2-135m").path == path


def test_a_near_miss_is_corrected() -> None:
    """A misspelt name gets the nearest one, and every other way to name a model."""
    with pytest.raises(ModelError, match="no model 'smolm2-135m'") as caught:
        resolve("smolm2-135m")
    fix = str(caught.value.fix)
    assert "Did you mean 'smollm2-135m'?" in fix
    for way in ("folder", "GGUF file", "Hub id"):
        assert way in fix


@pytest.mark.parametrize("typed", ["./nothing", "a/b/c", "~/nothing", "nothing.gguf", "../x", "x/y.gguf"])
def test_a_path_that_is_not_there_is_a_path(typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a path is never looked for on the Hub."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")  # nothing stands here, nor beside it
    with pytest.raises(ModelError, match="no model folder or file"):
        resolve(typed)


def test_what_is_called_gguf_must_be_gguf(tmp_path: Path) -> None:
    """A web page saved as model.gguf is told as such."""
    path = tmp_path / "model.gguf"
    path.write_text("<html>")
    with pytest.raises(ModelError, match="not a GGUF file"):
        resolve(str(path))


def test_only_a_hub_id_has_revisions(tmp_path: Path) -> None:
    """A revision of a folder or a catalogue model would be ignored, so it is an error."""
    for typed in (str(write_model(tmp_path / "mine")), "smollm2-135m"):
        with pytest.raises(ModelError, match="has no revisions"):
            resolve(typed, revision="main")
    with pytest.raises(ModelError, match="two revisions"):
        resolve("org/name@v1", revision="v2")


def test_offline_never_downloads() -> None:
    """offline=True and not on this machine: an error that says how to get it."""
    for typed in ("smollm2-135m", "org/name"):
        with pytest.raises(ModelError, match="not on this machine") as caught:
            resolve(typed, offline=True)
        assert "--offline" in str(caught.value.fix)


def test_a_hub_model_comes_without_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub is asked for files that cannot run code only; the commit it answers with is the revision."""
    path = write_model(tmp_path / "snapshots" / COMMIT)
    asked: dict[str, object] = {}
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda _, **options: asked.update(options) or str(path))
    found = resolve("org/name@v1")
    assert (found.name, found.revision, found.path) == ("name", COMMIT, path)
    assert found.origin == f"Hub org/name@{COMMIT}"
    assert asked["revision"] == "v1"
    assert asked["allow_patterns"] == HUB_FILES
    assert not any(pattern.endswith(("bin", "pt", "pkl", "py", "*")) for pattern in HUB_FILES)


def test_no_network_says_what_needs_none() -> None:
    """A Hub model that cannot be fetched names the catalogue."""
    with pytest.raises(ModelError, match="could not be fetched from the Hub") as caught:
        resolve("org/name")
    assert "smollm2-135m" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GatedRepoError", "terms are accepted"),
        ("RepositoryNotFoundError", "no model"),
        ("RevisionNotFoundError", "v1"),
    ],
)
def test_each_refusal_of_the_hub_has_its_sentence(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gated, unknown and unknown revision are three different things to do."""
    from huggingface_hub import errors

    kind = getattr(errors, name)

    def refuse(*_: object, **__: object) -> str:
        raise kind.__new__(kind)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ModelError, match=told):
        resolve("org/name@v1")
