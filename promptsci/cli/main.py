"""The ``promptsci`` command: finds the verb, shows errors as people read them, sets the exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from types import TracebackType

import click

import promptsci
from promptsci.errors import PromptsciError, did_you_mean

VERBS = {
    "run": "Score a task with a language model: zero-shot or few-shot.",
    "runs": "List the runs on this machine.",
    "reproduce": "Run a stored run again and compare every prediction.",
    "tasks": "List the tasks, or show one.",
    "templates": "List the wordings of a task.",
    "models": "List the models that need no hub, or fetch one.",
}


class Verbs(click.Group):
    """The verbs, each imported only when it is called, so that ``--help`` starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"promptsci.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the arguments name, or the nearest spelling."""
        if args and args[0] not in VERBS:
            ctx.fail(f"there is no verb '{args[0]}'. {did_you_mean(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs and what they do, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(promptsci.__version__, prog_name="promptsci")
def entry() -> None:
    """Prompt a language model, show it a few examples, and see how good it is on your data.

    \b
    promptsci VERB noun=value ... --options
    promptsci run task=citation-intent --shots 8
    """


def main() -> None:
    """Runs the command line and exits: 0 done, 1 wrong input, 2 wrong usage, 3 interrupted and resumable, 130 Ctrl-C."""
    sys.excepthook = _unexpected
    debug = "--debug" in sys.argv
    try:
        entry(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PromptsciError as error:
        if debug:
            raise
        click.echo(error.text(), err=True)
        sys.exit(130 if isinstance(error.__cause__, KeyboardInterrupt) else error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (``| head``); nothing is left to say.
        sys.stderr.close()


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if "--debug" in sys.argv:
        sys.__excepthook__(kind, error, trace)
    else:
        click.echo(f"This is a fault of promptsci: {kind.__name__}: {error}\n  Run again with --debug and report what it prints.",
                   err=True)  # fmt: skip
