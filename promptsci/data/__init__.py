"""Rows become Examples here: from files, URLs and the Hub, in splits, checked for repeats and leaks, and sampled."""

from __future__ import annotations

from promptsci.data.cache import cache_home
from promptsci.data.carve import carve
from promptsci.data.example import Dataset, Example, Gold, Split, text_key
from promptsci.data.findings import Findings
from promptsci.data.gold import LETTERS, GoldReader, gold_reader
from promptsci.data.integrity import Integrity, Overlap, SplitIntegrity, integrity, seen_ids
from promptsci.data.read import read_dataset
from promptsci.data.record import read_schema, schema_fault
from promptsci.data.sample import stratified
from promptsci.data.spans import Span

__all__ = [
    "LETTERS",
    "Dataset",
    "Example",
    "Findings",
    "Gold",
    "GoldReader",
    "Integrity",
    "Overlap",
    "Span",
    "Split",
    "SplitIntegrity",
    "cache_home",
    "carve",
    "gold_reader",
    "integrity",
    "read_dataset",
    "read_schema",
    "schema_fault",
    "seen_ids",
    "stratified",
    "text_key",
]
