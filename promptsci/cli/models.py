"""``promptsci models``: list the models that need no Hub, or fetch one."""

from __future__ import annotations

from typing import Any

import click

from promptsci.cli.arguments import NamedGroup, print_json, read_nouns, result_options


@click.group("models", cls=NamedGroup, invoke_without_command=True, short_help="List the models that need no Hub.")
@result_options
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    r"""List the models that need no Hub, and the GGUF files converted on this machine.

    \b
    promptsci models
    promptsci models pull smollm2-135m
    """
    if ctx.invoked_subcommand is not None:
        return
    from promptsci.report import show_models

    listed = {"models": _catalogue_models(), "converted": _converted_models()}
    if as_json:
        print_json(listed)
    else:
        show_models(listed)


def _catalogue_models() -> list[dict[str, Any]]:
    from promptsci.lm import cached, catalogue, is_pulled

    sizes = {model.path.name: model.size_bytes for model in cached() if model.path.parent.name == "models"}
    return [
        {
            "name": model.name,
            "title": model.title,
            "kind": model.kind,
            "parameters": model.parameters,
            "licence": model.licence,
            "terms_url": model.terms_url,
            "pulled": is_pulled(model.name),
            "download_bytes": model.size_bytes,
            "disk_bytes": sizes.get(model.name, model.disk_bytes),
        }
        for model in catalogue().values()
    ]


def _converted_models() -> list[dict[str, Any]]:
    from promptsci.lm import cached

    return [
        {"name": model.name, "disk_bytes": model.size_bytes, "folder": str(model.path)}
        for model in cached()
        if model.path.parent.name == "gguf"
    ]


@command.command("pull", short_help="Fetch a model.")
@click.argument("name", metavar="NAME")
@result_options
def fetch(name: str, as_json: bool) -> None:
    r"""Fetch a model, check it, and convert it once where that is needed.

    \b
    promptsci models pull smollm2-135m
    """
    from promptsci.cli.progress import byte_progress
    from promptsci.lm import catalogue, is_pulled, pull

    word = read_nouns([name], ["model"])["model"] if "=" in name else name
    was_there = is_pulled(word)
    known = catalogue()[word]
    click.echo(f"{known.title}, licence {known.licence}: {known.terms_url}", err=True)
    if was_there and known.notice:  # otherwise pull itself shows it, before anything is downloaded
        click.echo(f"{known.name}: {known.notice}", err=True)
    with byte_progress() as progress:
        folder = pull(word, progress)
    if as_json:
        print_json(
            {
                "name": word,
                "folder": str(folder.path),
                "sha256": folder.sha256,
                "origin": folder.origin,
                "was_there": was_there,
                "licence": known.licence,
                "terms_url": known.terms_url,
            }
        )
    else:
        click.echo(f"{word} {'was already' if was_there else 'is'} in {folder.path}; use it as model={word}")
