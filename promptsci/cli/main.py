"""The ``promptsci`` command: finds the verb, shows errors as people read them, sets the exit code."""

from __future__ import annotations

import gc
import keyword
import os
import signal
import sys
import threading
from importlib import import_module
from types import FrameType, TracebackType
from typing import Any

import click

import promptsci
from promptsci.cli.arguments import NamedGroup
from promptsci.errors import PromptsciError

VERBS = {
    "run": "Score a task with a language model: zero-shot or few-shot.",
    "tune": "Train an adapter or a model on a task, and score it.",
    "update": "Tune on new rows, and use what came of it unless it does harm.",
    "merge": "Write an adapter and its base as one plain model.",
    "predict": "Label the rows of a file of any size, and say how far to trust it.",
    "serve": "Answer rows over HTTP, with one loaded model.",
    "augment": "Make train rows of train rows, and write them down.",
    "runs": "List the runs on this machine.",
    "compare": "Judge finished runs on the same rows: intervals, paired tests, ties, costs.",
    "study": "Run several methods on one task, compare them, and say what to do.",
    "curve": "How scores grow with the number of labelled rows.",
    "variance": "Where the spread of scores comes from, and which runs to add.",
    "calibrate": "Learn from a validation run how far a run can be trusted.",
    "explain": "Say which shots and which words made a row what it is.",
    "reproduce": "Run a stored run again and compare every prediction.",
    "check": "Look tasks, templates and data over for every classic trap.",
    "show": "Show the prompts as the model reads them, and what they cost.",
    "tasks": "List the tasks, or show one.",
    "templates": "List the wordings.",
    "new": "Start a task from a data file, or a wording from another.",
    "test": "Test what wordings render, without a model.",
    "import": "Bring prompts over from promptsource or lm-evaluation-harness.",
    "export": "Write a task for lm-evaluation-harness.",
    "schema": "Print a JSON Schema for your editor.",
    "models": "List the models that need no hub, or fetch one.",
}


class Terminated(KeyboardInterrupt):
    """The system asked the program to end (SIGTERM), as schedulers do before they kill."""


class ReaderGone(Exception):
    """Nobody reads our output any more (``| head``)."""


class Verbs(NamedGroup):
    """The verbs, each imported only when it is called, so that ``--help`` starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's command."""
        if cmd_name not in VERBS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"promptsci.cli.{module}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Calls the verb; a reader of its output who went away is no error of ours, as click would have it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs and what they do, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB noun=value ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(promptsci.__version__, prog_name="promptsci")
def entry() -> None:
    """Prompt a language model, show it a few examples, and see how good it is on your data.

    \b
    promptsci VERB noun=value ... --options
    promptsci run task=citation-intent --shots 8
    """  # noqa: D301 - a backspace is what click goes by; the verbs' own are made into one where they are called


def main() -> None:
    """Runs the command line and exits: 0 done, 1 wrong input, 2 wrong usage, 3 interrupted, 130 Ctrl-C."""
    sys.excepthook = _unexpected
    _start_fast()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    try:
        code = entry(prog_name="promptsci", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort as error:
        code = 3 if isinstance(error.__cause__, Terminated) else 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except PromptsciError as error:
        if "--debug" in sys.argv:
            import traceback

            traceback.print_exception(error)
        else:
            click.echo(error.text(), err=True)
        code = _exit_code(error)
    except (ReaderGone, BrokenPipeError):
        # Nothing is left to say, nor to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    if code:
        sys.exit(code)


def _start_fast() -> None:
    """Nothing; the verbs that only look at texts start in a third less time."""
    # What is imported stays, and to look through it again and again for garbage finds none.
    gc.set_threshold(50_000)
    # Pydantic would read the metadata of every installed package in search of plugins that we do not use.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _exit_code(error: PromptsciError) -> int:
    cause = error.__cause__
    return 130 if isinstance(cause, KeyboardInterrupt) and not isinstance(cause, Terminated) else error.exit_code


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal's signature
    raise Terminated


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if "--debug" in sys.argv:
        sys.__excepthook__(kind, error, trace)
    else:
        click.echo(f"This is a fault of promptsci: {kind.__name__}: {error}", err=True)
        click.echo("  Run again with --debug and report what it prints.", err=True)
