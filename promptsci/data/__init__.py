"""Rows become Examples here: from files, URLs and the Hub, in splits, checked for repeats and leaks, and sampled."""

from __future__ import annotations

from promptsci.data.carve import carve
from promptsci.data.example import Dataset, Example, Split, text_key
from promptsci.data.integrity import Integrity, Overlap, SplitIntegrity, integrity, seen_ids
from promptsci.data.read import read_dataset
from promptsci.data.remote import cache_home
from promptsci.data.sample import stratified

__all__ = [
    "Dataset",
    "Example",
    "Integrity",
    "Overlap",
    "Split",
    "SplitIntegrity",
    "cache_home",
    "carve",
    "integrity",
    "read_dataset",
    "seen_ids",
    "stratified",
    "text_key",
]
