"""What all verbs share: the noun=value grammar and the options that mean the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from promptsci.errors import PromptsciError, did_you_mean

F = TypeVar("F", bound=Callable[..., Any])


def read_nouns(words: Sequence[str], allowed: Sequence[str], *, required: Sequence[str] = ()) -> dict[str, str]:
    """The nouns of a command line: ``task=citation-intent`` becomes ``{"task": "citation-intent"}``.

    Raises:
        PromptsciError: a word is no ``noun=value``, a noun is unknown, given twice, empty or missing.
    """
    found: dict[str, str] = {}
    for word in words:
        noun, equals, value = word.partition("=")
        if not equals:
            raise PromptsciError(f"'{word}' is not noun=value", fix=_guess(word, allowed))
        if noun not in allowed:
            raise PromptsciError(f"unknown noun '{noun}'", fix=did_you_mean(noun, allowed))
        if noun in found:
            raise PromptsciError(f"'{noun}' is given twice")
        if not value:
            raise PromptsciError(f"'{noun}=' has no value", fix=f"Write {noun}=NAME.")
        found[noun] = value
    for noun in required:
        if noun not in found:
            raise PromptsciError(f"'{noun}=' is missing", fix=f"Write {noun}=NAME, such as {_EXAMPLES.get(noun, noun + '=...')}.")
    return found


_EXAMPLES = {"task": "task=citation-intent", "model": "model=smollm2-135m"}


def _guess(word: str, allowed: Sequence[str]) -> str:
    return f"Write {allowed[0]}={word}, or see --help. Nouns: {', '.join(allowed)}."


def common_options(command: F) -> F:
    """``--json --runs --debug``, the same for every verb."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
        click.option("--runs", "runs", type=click.Path(path_type=Path), help="Folder of runs. [default: ./runs]"),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    ):
        command = option(command)
    return command


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
