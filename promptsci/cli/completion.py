"""What the shell completes: nouns, and the names that stand behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from promptsci.errors import PromptsciError

Nouns = Mapping[str, str]


def complete_nouns(
    ctx: click.Context, words: Sequence[str], allowed: Sequence[str], start: str
) -> list[CompletionItem]:
    """The nouns that are not given yet, or the values of the noun that is being written.

    Args:
        ctx: of the verb.
        words: what stands before the word that is being written.
        allowed: nouns of the verb.
        start: what is written of the word.
    """
    given, pending = _read(words, allowed)
    if pending is not None:
        return _items(_values(ctx, pending, given), start)
    noun, equals, value = start.partition("=")
    if equals:
        return _items(_values(ctx, noun, given), value, prefix=f"{noun}=")
    left = [each for each in allowed if each not in given and each.startswith(start)]
    if len(left) == 1:
        # Values at once: bash would put a space behind a finished "task=".
        found = _items(_values(ctx, left[0], given), "", prefix=f"{left[0]}=")
        return found or [CompletionItem(f"{left[0]}=")]
    return [CompletionItem(f"{each}=") for each in left]


def _read(words: Sequence[str], allowed: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """The nouns that are given, and the one whose value is being written.

    Zsh and fish hand over ``task=cit`` as one word; bash takes words apart at ``=``, and click leaves a lone ``=`` out.
    """
    given: dict[str, str] = {}
    pending: str | None = None
    for word in words:
        noun, equals, value = word.partition("=")
        if word == "=":
            continue
        if pending is not None:
            given[pending], pending = word, None
        elif equals and value:
            given[noun] = value
        elif noun in allowed:
            pending = noun
    return given, pending


def _items(values: Iterable[str], start: str, prefix: str = "") -> list[CompletionItem]:
    return [CompletionItem(prefix + value) for value in values if value.startswith(start)]


def _values(ctx: click.Context, noun: str, given: Nouns) -> list[str]:
    """The values that a noun can have; none where they cannot be listed or the task cannot be read."""
    list_values = _LISTS.get(noun)
    if list_values is None:
        return []
    try:
        return list_values(ctx, given)
    except PromptsciError:
        return []


def task_names(ctx: click.Context) -> list[str]:
    """Names of all tasks, those of ``--catalog`` too."""
    from promptsci.spec import Catalog

    roots: tuple[Path, ...] = ctx.params.get("catalog") or ()
    return Catalog.standard(*roots).task_names()


def _tasks(ctx: click.Context, given: Nouns) -> list[str]:  # noqa: ARG001 - one shape for all lists
    return task_names(ctx)


def _templates(ctx: click.Context, given: Nouns) -> list[str]:
    from promptsci.spec import Catalog

    if "task" not in given:
        return []
    catalog = Catalog.standard(*(ctx.params.get("catalog") or ()))
    return [*catalog.wordings(catalog.task(given["task"])), "all"]


def _models(ctx: click.Context, given: Nouns) -> list[str]:  # noqa: ARG001
    from promptsci.lm import catalogue

    return list(catalogue())


def _splits(ctx: click.Context, given: Nouns) -> list[str]:
    from promptsci.spec import SPLITS, Catalog

    if "task" not in given:
        return list(SPLITS)
    task = Catalog.standard(*(ctx.params.get("catalog") or ())).task(given["task"])
    source = task.data.get(given["data"]) if "data" in given else next(iter(task.data.values()))
    named = (source.files or source.urls or source.splits) if source else None
    return list(named or SPLITS)


def _sources(ctx: click.Context, given: Nouns) -> list[str]:
    from promptsci.spec import Catalog

    if "task" not in given:
        return []
    return list(Catalog.standard(*(ctx.params.get("catalog") or ())).task(given["task"]).data)


_LISTS: Mapping[str, Callable[[click.Context, Nouns], list[str]]] = {
    "task": _tasks,
    "template": _templates,
    "model": _models,
    "split": _splits,
    "data": _sources,
}
