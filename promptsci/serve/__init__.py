"""Answers over HTTP: one loaded method, a warm prompt, rows of many clients answered together."""

from __future__ import annotations

from promptsci.serve.engine import Engine, prepare_engine
from promptsci.serve.limits import Address, Limits
from promptsci.serve.server import serve

__all__ = ["Address", "Engine", "Limits", "prepare_engine", "serve"]
