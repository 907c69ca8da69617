"""The options of verbs that ask a model: its shots, the form of its prompts, how it is loaded and how it scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from promptsci.cli.arguments import together

shot_options = together(
    click.option(
        "--shots", type=click.IntRange(0), default=0, show_default=True, help="Demonstrations before each query."
    ),
    click.option(
        "--choose",
        help="How shots are chosen: random, balanced, similar, similar-embedding, fixed, first. [default: the task's]",
    ),
    click.option("--pool", help="Split that shots come from. [default: the task's, usually train]"),
)
seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Seed of shots.")
format_option = click.option(
    "--format", "format_", type=click.Choice(["plain", "chat", "chat-one-turn"]), help="[default: the model's]"
)
rule_option = click.option("--rule", help="Decision rule: sum, mean, pmi, contextual, batch.")
trust_option = click.option("--trust-remote-code", is_flag=True, help="Let Python code in the model's folder run.")
scoring_options = together(
    click.option("--constrain", is_flag=True, help="Let answers be nothing but JSON that follows the task's schema."),
    click.option(
        "--verify-sharing",
        "verify",
        type=click.IntRange(0),
        default=4,
        show_default=True,
        help="Rows that are scored again one by one.",
    ),
    click.option("--no-sharing", is_flag=True, help="Score every pair alone, the slow and plain way."),
    click.option("--pack-tokens", type=click.IntRange(16), help="Tokens in one pass. [default: what the device likes]"),
)


def dtype_option(*more: str) -> Callable[[Any], Any]:
    """``--dtype``, with the precisions that only this verb knows."""
    known = ["auto", "float32", "bfloat16", "float16", *more]
    return click.option("--dtype", type=click.Choice(known), default="auto", show_default=True)
