"""``promptsci schema``: the JSON Schema of task.yaml or of a template's front matter, for editors."""

from __future__ import annotations

import click

from promptsci.cli.arguments import print_json


@click.command("schema", short_help="Print a JSON Schema for your editor.")
@click.argument("name", metavar="task|template", type=click.Choice(["task", "template"]))
@click.option("--json", is_flag=True, expose_value=False, help="As it is: the schema is one JSON object.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def command(name: str) -> None:
    r"""Print the JSON Schema of task.yaml or of a template's front matter; editors complete and check by it.

    \b
    promptsci schema task > task.schema.json
    promptsci schema template > template.schema.json
    """
    from promptsci.author.schema import json_schema

    print_json(json_schema(name))
