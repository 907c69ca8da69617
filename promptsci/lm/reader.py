"""How a model reads: its tokenizer, its chat format and its context, taken from its files without the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

from promptsci.errors import ModelError, PromptError, did_you_mean
from promptsci.lm.catalogue import catalogue
from promptsci.lm.context import UNBOUNDED, context_length
from promptsci.lm.fetch import is_pulled
from promptsci.lm.folder import ModelFolder
from promptsci.lm.resolve import resolve
from promptsci.prompt import FORMATS, Format, Tokenizer

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Reader:
    """The reading half of a model.

    Attributes:
        name: the model's, for people.
        folder: where its tokenizer stands.
        default_format: chat or plain where the catalogue says so.
    """

    name: str
    folder: Path
    default_format: str | None = None

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer.

        Raises:
            ModelError: there is none that can be read.
        """
        return Tokenizer(self.folder)

    @cached_property
    def context(self) -> int:
        """The longest sequence the model holds, in tokens; UNBOUNDED for a tokenizer without a model's config.json.

        Raises:
            ModelError: config.json cannot be read.
        """
        path = self.folder / "config.json"
        if not path.is_file():
            return UNBOUNDED
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            config |= config.get("text_config", {})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            what = f"this file cannot be read as JSON: {error}"
            raise ModelError(what, where=str(path), fix="Copy the folder again.") from error
        return context_length(SimpleNamespace(**config))

    def format(self, asked: Format | None) -> Format:
        """The format asked for, or what the model's maker says, or chat where the model has a chat template.

        Raises:
            PromptError: chat is asked of a model without a chat template.
        """
        if asked is not None and asked != "plain" and not self.tokenizer.has_chat_template:
            raise PromptError(f"model {self.name} has no chat template", fix="Use --format plain.")
        if asked is not None:
            return asked
        for known in FORMATS:
            if self.default_format == known:
                return known
        return "chat" if self.tokenizer.has_chat_template else "plain"


def reader_of(model: ModelFolder) -> Reader:
    """The Reader of a model that is on this machine."""
    return Reader(model.name, model.path, model.default_format)


def find_reader(word: str) -> Reader:
    """The Reader of a model, or of a tokenizer alone; nothing is downloaded.

    Args:
        word: a catalogue name, a folder with ``tokenizer.json``, such a file itself, or a model of the Hub that has
            been fetched before.

    Raises:
        ModelError: there is none of that name on this machine.
    """
    if word in catalogue():
        if not is_pulled(word):
            raise ModelError(f"'{word}' is not on this machine", fix=f"Fetch it: promptsci models pull {word}")
        return reader_of(resolve(word, offline=True))
    path = Path(word).expanduser()
    if path.name == TOKENIZER and path.is_file():
        return Reader(path.resolve().parent.name, path.parent)
    if (path / TOKENIZER).is_file():
        return Reader(path.resolve().name, path)
    if path.exists() or word.startswith((".", "/", "~")):
        fix = f"Name a folder with {TOKENIZER}, or that file. {did_you_mean(word, catalogue())}"
        raise ModelError(f"there is no {TOKENIZER} at '{word}'", fix=fix)
    return reader_of(resolve(word, offline=True))


def reader_at_hand() -> Reader | None:
    """The Reader of the first catalogue model that has been fetched; None where none has."""
    name = next((name for name in catalogue() if is_pulled(name)), None)
    return find_reader(name) if name is not None else None
