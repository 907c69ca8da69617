"""What all verbs share: the noun=value grammar and the options that mean the same everywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

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
            raise PromptsciError(f"unknown noun '{noun}'", fix=_option(noun, value) or did_you_mean(noun, allowed))
        if noun in found:
            raise PromptsciError(f"'{noun}' is given twice")
        if not value:
            raise PromptsciError(f"'{noun}=' has no value", fix=f"Write {noun}=NAME.")
        found[noun] = value
    for noun in required:
        if noun not in found:
            raise PromptsciError(
                f"'{noun}=' is missing", fix=f"Write {noun}=NAME, such as {_EXAMPLES.get(noun, noun + '=...')}."
            )
    return found


_EXAMPLES = {"task": "task=citation-intent", "model": "model=smollm2-135m"}


def _guess(word: str, allowed: Sequence[str]) -> str:
    return f"Write {allowed[0]}={word}, or see --help. Nouns: {', '.join(allowed)}."


def _option(noun: str, value: str) -> str | None:
    """What to write for a noun that is an option of the verb, such as ``shots=8``."""
    context = click.get_current_context(silent=True)
    options = {option for parameter in context.command.params for option in parameter.opts} if context else set()
    return f"Write --{noun} {value}." if f"--{noun}" in options else None


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Options as one decorator, in the order in which ``--help`` shows them."""

    def decorated(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def nouns_argument(*allowed: str, metavar: str) -> Callable[[F], F]:
    """The words ``noun=value`` of a verb, which the shell completes."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from promptsci.cli.completion import complete_nouns

        return complete_nouns(ctx, ctx.params.get(str(param.name)) or (), allowed, incomplete)

    return click.argument("nouns", nargs=-1, metavar=metavar, shell_complete=complete)


def complete_task(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Names of tasks that start so."""
    from promptsci.cli.completion import task_names

    return [CompletionItem(name) for name in task_names(ctx) if name.startswith(incomplete)]


def common_options(command: F) -> F:
    """``--json --runs --debug``, the same for every verb that knows runs."""
    runs = click.option("--runs", "runs", type=click.Path(path_type=Path), help="Folder of runs. [default: ./runs]")
    return result_options(runs(command))


def result_options(command: F) -> F:
    """``--json --debug``, the same for every verb that prints a result."""
    debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
    return debug(click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command))


def catalog_option(command: F) -> F:
    """``--catalog``, the same for every verb that knows tasks."""
    help_ = "Folder with more tasks/ and templates/."
    return click.option("--catalog", type=click.Path(path_type=Path), multiple=True, help=help_)(command)


class NamedGroup(click.Group):
    """A group whose unknown names are answered with the nearest spelling."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, or the nearest spelling; its examples stand a line each."""
        known = self.list_commands(ctx)
        if args and args[0] not in known:
            ctx.fail(f"there is no verb '{args[0]}'. {did_you_mean(args[0], known)}")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and command.help:
            command.help = command.help.replace(r"\b", "\b")
        return name, command, rest


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds in ``0,1,2``, each once.

    Raises:
        PromptsciError: one is no number.
    """
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise PromptsciError(f"--seeds '{text}' is not a list of numbers", fix="Write --seeds 0,1,2.") from error


def given_beside(known: Sequence[str]) -> list[str]:
    """The options of the current command that were typed and are not among those known by name."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in known and context.get_parameter_source(str(parameter.name)) == typed
    ]


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json.dumps(value, ensure_ascii=not is_unicode, indent=2) + "\n")
    sys.stdout.flush()
