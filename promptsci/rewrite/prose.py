"""What of a text may be rewritten: prose, and in it nothing that stands between marks of entities."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

from promptsci.data import Example
from promptsci.spec import Task

MARKED = re.compile(r"\[\[.*?\]\]|<<.*?>>|<(\w+)>.*?</\1>|https?://\S+|\$[^$]*\$", re.DOTALL)
"""Entities between marks, web addresses, formulas: they stay to the letter."""
PLAIN_WORD = re.compile(r"(?<![\w-])[A-Za-z]?[a-z]{2,}(?![\w-])")
LEAST_WORDS = 4
"""A text with fewer plain words is no prose: a name, a sequence, a molecule."""
TEXT_FORMS = ("label", "labels", "options", "number", "references")
"""Answers that do not point into the text by characters or words."""

Rewrite = Callable[[str, Random], str]
"""A text and what to draw from -> the text rewritten; the same text where there is nothing to rewrite."""


def is_prose(text: str) -> bool:
    """Whether a text is made of words enough to be rewritten."""
    return len(PLAIN_WORD.findall(text)) >= LEAST_WORDS


def in_prose(rewrite: Rewrite) -> Rewrite:
    """The rewrite of what stands outside marks; texts that are no prose stay as they are."""

    def careful(text: str, draw: Random) -> str:
        if not is_prose(text):
            return text
        parts, at = [], 0
        for mark in MARKED.finditer(text):
            parts += [rewrite(text[at : mark.start()], draw), mark.group()]
            at = mark.end()
        return "".join([*parts, rewrite(text[at:], draw)])

    return careful


def rewritten(example: Example, rewrite: Rewrite, task: Task, *parts: str) -> Example:
    """The example with its text fields rewritten; what is drawn depends on its id and the parts alone."""
    fields = {
        name: rewrite(value, Random("\x1f".join([*parts, example.id, name])))
        if isinstance(value, str) and name in task.fields
        else value
        for name, value in example.fields.items()
    }
    return replace(example, fields=fields)
