"""Language models behind one protocol: found in the catalogue, loaded, and asked for log-likelihoods of choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptsci.lm.adapter import AdapterFolder, check_base, read_adapter, read_card
from promptsci.lm.catalogue import CatalogueModel, Progress, cache_dir, catalogue
from promptsci.lm.encoder import is_encoder, resolve_causal
from promptsci.lm.fetch import cached, is_pulled, pull
from promptsci.lm.folder import ModelFolder, count_weights
from promptsci.lm.protocol import LM, Description, Generated, Generation, Nats, Scored, TokenCount
from promptsci.lm.reader import Reader, find_reader, reader_at_hand, reader_of
from promptsci.lm.resolve import resolve

if TYPE_CHECKING:
    from promptsci.lm.load import load_model
    from promptsci.lm.transformers_lm import Scoring, TransformersLM

__all__ = [
    "LM",
    "AdapterFolder",
    "CatalogueModel",
    "Description",
    "Generated",
    "Generation",
    "ModelFolder",
    "Nats",
    "Progress",
    "Reader",
    "Scored",
    "Scoring",
    "TokenCount",
    "TransformersLM",
    "cache_dir",
    "cached",
    "catalogue",
    "check_base",
    "count_weights",
    "find_reader",
    "is_encoder",
    "is_pulled",
    "load_model",
    "pull",
    "read_adapter",
    "read_card",
    "reader_at_hand",
    "reader_of",
    "resolve",
    "resolve_causal",
]

_NEEDS_TORCH = {"Scoring": "transformers_lm", "TransformersLM": "transformers_lm", "load_model": "load"}


def __getattr__(name: str) -> Any:
    """Names that need torch, imported when they are first used."""
    if name not in _NEEDS_TORCH:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"promptsci.lm.{_NEEDS_TORCH[name]}"), name)
