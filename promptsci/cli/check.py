"""``promptsci check``: look tasks, templates and data over before a model is loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from promptsci.cli.arguments import catalog_option, nouns_argument, print_json, read_nouns, result_options

if TYPE_CHECKING:
    from promptsci.author.check import Report
    from promptsci.author.check.findings import Finding

NOUNS = ("task", "template", "data")
COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


@click.command("check", short_help="Look tasks, templates and data over for every classic trap.")
@nouns_argument(*NOUNS, metavar="[task=NAME] [template=WORDING] [data=WHERE]")
@click.option("--tokenizer", metavar="MODEL", help="Whose tokens to look at: a fetched model or a folder.")
@click.option("--no-data", is_flag=True, help="Do not look at rows.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note"]),
    default="warning",
    show_default=True,
    help="The mildest finding that makes the exit code 1.",
)
@catalog_option
@result_options
def command(**options: Any) -> None:
    r"""Look tasks, templates and data over for every classic trap.

    Without a noun all tasks and templates are looked at. Every finding has a code, which docs/check.md explains;
    a comment such as {# promptsci: ignore PS205 #} silences it on its line and the next.

    \b
    promptsci check
    promptsci check task=citation-intent template=plain --tokenizer smollm2-135m
    promptsci check task=citation-intent data=../my-folder --format github
    """
    from promptsci.author.check import Request, check
    from promptsci.author.check.page import annotated
    from promptsci.lm import find_reader, reader_at_hand
    from promptsci.spec import Catalog

    nouns = read_nouns(options["nouns"], NOUNS)
    word = options["tokenizer"]
    reader = find_reader(word) if word is not None else reader_at_hand()
    report = check(
        Catalog.standard(*options["catalog"]), Request(**nouns, read_data=not options["no_data"], reader=reader)
    )
    if options["as_json"] or options["format_"] == "json":
        print_json(report.to_json())
    elif options["format_"] == "github":
        click.echo(annotated(report), nl=False)
    else:
        _print(report)
    if report.fails(options["fail_on"]):
        sys.exit(1)


def _print(report: Report) -> None:
    """Prints each finding, where it stands and how to mend it, and then what was looked at."""
    from promptsci.author.check.page import summary

    for finding in report.findings:
        _print_finding(finding)
    click.secho(summary(report), fg=None if report.findings else "green")
    for note in report.notes:
        click.secho(f"not looked at: {note}", dim=True)


def _print_finding(finding: Finding) -> None:
    severity = click.style(finding.severity, fg=COLOURS[finding.severity], bold=finding.severity == "error")
    click.echo(f"{finding.place}: {severity} {finding.code} {finding.what}")
    if finding.fix:
        click.secho(f"  {finding.fix}", dim=True)
