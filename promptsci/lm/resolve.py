"""``model=NAME`` to a folder on this machine: a catalogue name, a folder, a GGUF file, or a model of the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from promptsci.errors import ModelError, did_you_mean
from promptsci.lm.adapter import read_card
from promptsci.lm.catalogue import Progress, catalogue
from promptsci.lm.fetch import convert_local, is_pulled, pull
from promptsci.lm.folder import ModelFolder, check_folder, folder_sha256

ACCEPTED = (
    "Also accepted: a folder (model=./my-model), a GGUF file (model=./my-model.gguf), "
    "or a Hub id (model=org/name or model=org/name@revision)."
)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
# Only files that cannot run code when they are loaded; no "tokenizer*", which would let tokenizer.pkl through.
HUB_FILES = ["*.safetensors", "*.json", "*.txt", "*.jinja", "*.model"]
# Folders hold the same weights for other programs; consolidated.safetensors repeats model.safetensors.
HUB_NOT = ["*/*", "consolidated*"]


def resolve(
    model: str, *, revision: str | None = None, offline: bool = False, progress: Progress | None = None
) -> ModelFolder:
    """The folder of a model on this machine, fetched and converted first where that is needed.

    Args:
        model: a catalogue name, which comes before a folder of the same name (write ``./name`` for the folder); a
            folder; a ``.gguf`` file; or a Hub id ``org/name``, ``org/name@revision``.
        revision: branch, tag or commit of a Hub id.
        offline: nothing is downloaded; what is not on this machine is an error.
        progress: hears (stage, bytes done, bytes in all or None).

    Raises:
        ModelError: nothing by that name, or it cannot be fetched, or it is not safe and whole.
    """
    known = catalogue().get(model)
    path = Path(model).expanduser()
    if known is not None:
        _no_revision(model, revision)
        if offline and not is_pulled(model):
            raise ModelError(
                f"'{model}' is not on this machine and nothing may be downloaded",
                fix="Run the same command once without --offline.",
            )
        return pull(model, progress)
    if path.is_dir():
        _no_revision(model, revision)
        return _local_folder(path)
    if path.suffix == ".gguf" and path.is_file():
        _no_revision(model, revision)
        return _local_gguf(path, progress)
    return _from_hub(model, revision, offline)


def _no_revision(model: str, revision: str | None) -> None:
    if revision is not None:
        raise ModelError(f"'{model}' has no revisions; only a Hub id has", fix="Leave the revision out.")


def _local_folder(path: Path) -> ModelFolder:
    path = path.resolve()
    check_folder(path)
    name = str(read_card(path).get("name") or path.name)
    return ModelFolder(name, path, None, folder_sha256(path), None, None, f"folder {path}")


def _local_gguf(path: Path, progress: Progress | None) -> ModelFolder:
    folder, sha256 = convert_local(path, progress)
    return ModelFolder(path.stem, folder, None, sha256, None, None, f"GGUF file {path.resolve()}")


def _from_hub(model: str, revision: str | None, offline: bool) -> ModelFolder:
    hub_id, _, named = model.partition("@")
    if named and revision and named != revision:
        raise ModelError(f"two revisions are named: '{named}' and '{revision}'", fix="Name one.")
    if not HUB_ID.fullmatch(hub_id) or hub_id.startswith(("./", "../")) or hub_id.endswith(".gguf"):
        raise _unknown(model)
    path = _snapshot(hub_id, named or revision, offline)
    check_folder(path)
    # The Hub's cache keeps a commit in a folder of the commit's name.
    name = hub_id.partition("/")[2]
    return ModelFolder(name, path, path.name, folder_sha256(path), None, None, f"Hub {hub_id}@{path.name}")


def _unknown(model: str) -> ModelError:
    looks_like_path = "/" in model or "\\" in model or model.startswith(("~", ".")) or model.endswith(".gguf")
    if looks_like_path:
        return ModelError(
            f"there is no model folder or file '{model}'",
            fix=f"Check the path. Known names: {', '.join(catalogue())}. {ACCEPTED}",
        )
    return ModelError(f"there is no model '{model}'", fix=f"{did_you_mean(model, catalogue())} {ACCEPTED}")


def _snapshot(hub_id: str, revision: str | None, offline: bool) -> Path:
    from huggingface_hub import errors as hub
    from huggingface_hub import snapshot_download

    # httpx or its successor, whichever this version of huggingface_hub is built on.
    http_error: type[BaseException] = hub.HfHubHTTPError.__bases__[0]
    at = hub_id if revision is None else f"{hub_id}@{revision}"
    try:
        found = snapshot_download(
            hub_id,
            revision=revision,
            local_files_only=offline,
            allow_patterns=HUB_FILES,
            ignore_patterns=HUB_NOT,
        )
    except hub.GatedRepoError as error:
        raise ModelError(
            f"'{hub_id}' may be used only after its terms are accepted on the Hub",
            fix=f"Accept them at https://huggingface.co/{hub_id}, then run `hf auth login`.",
        ) from error
    except hub.RepositoryNotFoundError as error:
        raise ModelError(
            f"the Hub has no model '{hub_id}', or it is private",
            fix=f"Check the spelling; for a private model run `hf auth login`. Known names: {', '.join(catalogue())}.",
        ) from error
    except hub.RevisionNotFoundError as error:
        raise ModelError(f"'{hub_id}' has no revision '{revision}'", fix="Name a branch, a tag or a commit.") from error
    except (OSError, ValueError, http_error) as error:
        raise _not_reached(at, offline, error) from error
    return Path(found)


def _not_reached(at: str, offline: bool, error: BaseException) -> ModelError:
    if offline:
        return ModelError(
            f"'{at}' is not on this machine and nothing may be downloaded",
            fix="Run the same command once without --offline.",
        )
    why = str(error).strip().splitlines() or [type(error).__name__]
    return ModelError(
        f"'{at}' could not be fetched from the Hub: {why[0]}",
        fix=f"Check the network, or name what needs no Hub: {', '.join(catalogue())}, or a folder.",
    )
