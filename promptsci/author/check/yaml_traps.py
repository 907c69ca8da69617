"""Words that YAML readers elsewhere take for something other than text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

_KINDS = {"bool": "true or false", "null": "nothing", "timestamp": "a date", "int": "a number", "float": "a number"}
_WRITTEN_BACK = re.compile(r"0|-?[1-9]\d*|-?(0|[1-9]\d*)\.\d*[1-9]")
"""Numbers that a reader writes back as they were: 7 and 0.5, but not 007, 1_000 or 1.0."""
_EXPONENT = re.compile(r"[-+]?\d+[eE][-+]?\d+")
"""Text in YAML 1.1, which wants a dot in it, and a number in YAML 1.2."""


def read_elsewhere(text: str, lines: Sequence[str]) -> str | None:
    """What other readers take a word for; None where it is text to all, or stands in quotes.

    Args:
        text: the word.
        lines: the file that it stands in.

    Source: YAML 1.1, the types bool, int, float, null and timestamp; YAML 1.2.2, section 10.3.2.
    """
    resolver: Any = yaml.SafeLoader("")
    kind = str(resolver.resolve(yaml.ScalarNode, text, (True, False))).rpartition(":")[2]
    if _EXPONENT.fullmatch(text):
        kind = "float"
    if kind not in _KINDS or (kind in ("int", "float") and _WRITTEN_BACK.fullmatch(text)):
        return None
    is_quoted = any(f"{mark}{text}{mark}" in line for line in lines for mark in "\"'")
    return None if is_quoted else _KINDS[kind]
