"""What labels rows, from the words of a command line: the same for ``predict`` and ``serve``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from promptsci.cli.arguments import given_beside, together
from promptsci.cli.prompt_options import (
    dtype_option,
    format_option,
    rule_option,
    scoring_options,
    seed_option,
    shot_options,
    trust_option,
)
from promptsci.errors import Problems, PromptsciError

if TYPE_CHECKING:
    from promptsci.pipeline.predict import LearnedMethod, Method, PromptMethod
    from promptsci.spec import Catalog

KINDS = ("method", "head", "adapter")
PROMPTED = ("template", "model", "adapter")
PROMPT_OPTIONS = (
    "shots", "choose", "format_", "dtype", "constrain", "rule", "verify", "no_sharing", "pack_tokens",
    "trust_remote_code",
)  # fmt: skip
PROMPT_SETTINGS = ("shots", "choose", "pool", "seed", "dtype", "rule", "verify", "pack_tokens", "trust_remote_code")


method_options = together(
    shot_options,
    seed_option,
    rule_option,
    click.option(
        "--calibrate-on",
        default="validation",
        show_default=True,
        help="Labelled split that says how far to trust answers.",
    ),
    click.option("--calibrate-rows", type=click.IntRange(1), help="A stratified sample of so many of its rows."),
    format_option,
    dtype_option("nf4"),
    scoring_options,
    trust_option,
)
"""The options that say what labels rows, and on which labelled ones it is judged."""


def method_of(nouns: Mapping[str, str], options: Mapping[str, Any]) -> Method:
    """The method that the nouns and options of a verb ask for, all problems found before a model loads.

    Raises:
        PromptsciError: something is wrong with what is asked.
    """
    from promptsci.runs import find_run, runs_root
    from promptsci.spec import Catalog

    catalog, root = Catalog.standard(*options["catalog"]), runs_root(options["runs"])
    asked = [noun for noun in KINDS if noun in nouns]
    if len(asked) > 1:
        what = f"{' and '.join(f'{noun}=' for noun in asked)} are different methods"
        raise PromptsciError(what, fix="Take one of them.")
    if "head" in nouns:
        _refuse_others(nouns, "head", {"head", "task"})
        return _head(find_run(nouns["head"], root), nouns, options, catalog)
    if "method" in nouns:
        _refuse_others(nouns, f"method={nouns['method']}", {"method", "task"})
        return _learned(nouns, options, catalog)
    return _prompted(nouns, options, catalog)


def _prompted(nouns: Mapping[str, str], options: Mapping[str, Any], catalog: Catalog) -> PromptMethod:
    from promptsci.cli.progress import byte_progress
    from promptsci.pipeline import LMs, Settings, load_transformers
    from promptsci.pipeline.predict import prompt_method
    from promptsci.runs import runs_root
    from promptsci.tune.folder import find_adapter

    words: dict[str, Any] = {noun: nouns[noun] for noun in ("task", *PROMPTED) if noun in nouns}
    if "adapter" in words:
        words["adapter"] = str(find_adapter(words["adapter"], runs_root(options["runs"])))
    settings = Settings(
        **words,
        **{name: options[name] for name in PROMPT_SETTINGS},
        data=nouns.get("labelled"),
        split=options["calibrate_on"],
        limit=options["calibrate_rows"],
        format=options["format_"],
        sharing=not options["no_sharing"],
        constrain=options["constrain"],
    )
    with byte_progress() as progress:
        method = prompt_method(settings, catalog, LMs(load_transformers), progress)
    model = method.prepared.model
    if model.notice:
        click.echo(f"{model.name}: {model.notice}", err=True)
    return method


def _learned(nouns: Mapping[str, str], options: Mapping[str, Any], catalog: Catalog) -> LearnedMethod:
    from promptsci.pipeline import ClassifierSettings
    from promptsci.pipeline.predict import learned_method
    from promptsci.runs import runs_root

    settings = ClassifierSettings(
        nouns["task"],
        nouns["method"],
        data=nouns.get("labelled"),
        split=options["calibrate_on"],
        pool=options["pool"],
        seed=options["seed"],
        limit=options["calibrate_rows"],
    )
    return learned_method(settings, catalog, runs_root(options["runs"]))


def _head(run: Any, nouns: Mapping[str, str], options: Mapping[str, Any], catalog: Catalog) -> LearnedMethod:
    from promptsci.pipeline.predict import head_method
    from promptsci.runs import runs_root

    stored = run.read_run()["task"]
    if nouns.get("task", stored) != stored:
        what = f"the head was trained for task {stored}, not {nouns['task']}"
        raise PromptsciError(what, where=str(run.path), fix=f"Write task={stored}, or leave it out.")
    changes = {
        "split": options["calibrate_on"],
        "data": nouns.get("labelled"),
        "limit": options["calibrate_rows"],
    }
    return head_method(run, catalog, changes, runs_root(options["runs"]))


def _refuse_others(nouns: Mapping[str, str], named: str, own: set[str]) -> None:
    """Nothing when all that is asked for means something to a method that reads no prompt."""
    words = [f"{noun}={nouns[noun]}" for noun in PROMPTED if noun in nouns and noun not in own]
    known = {str(parameter.name) for parameter in click.get_current_context().command.params} - set(PROMPT_OPTIONS)
    words += given_beside(tuple(known))
    if words:
        problems = [f"{named} reads no prompt, so {word} means nothing to it" for word in words]
        raise Problems([PromptsciError(problem, fix="Leave it out.") for problem in problems])
