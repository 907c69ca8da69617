"""One prompt of another tool, before it is a wording: Jinja of input, target and choices, and what they tell."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promptsci.errors import SpecError

CHOICES = "answer_choices"
"""What prompts call their list of answers."""
_ENVIRONMENT = ImmutableSandboxedEnvironment()
_FAULTS = (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Lost(SpecError):
    """What cannot be carried over."""


@dataclass(frozen=True)
class Draft:
    """A prompt as another tool has it.

    Attributes:
        name: what the tool calls it.
        where: the file it stands in.
        input: Jinja of what the model reads.
        target: Jinja of the answer, or of the number of the right choice.
        choices: Jinja of each answer; none where the answer is free text.
        instruction: what stands before all shots.
        about: where it comes from, in a sentence.
        is_numbered: whether a target that is a number is the place of the right choice.
        listed: Jinja of the whole list of choices, where they are one expression of the row.
    """

    name: str
    where: str
    input: str
    target: str
    choices: tuple[str, ...]
    instruction: str
    about: str
    is_numbered: bool = False
    listed: str = ""

    @cached_property
    def input_columns(self) -> frozenset[str]:
        """Columns that the input shows, its choices included where it shows them."""
        used = variables(self.input)
        shown = {name for choice in self.choices for name in variables(choice)} if CHOICES in used else set()
        return frozenset((used | shown) - {CHOICES})

    @cached_property
    def target_columns(self) -> frozenset[str]:
        """Columns that the answer depends on, without the choices' own."""
        return frozenset(variables(self.target) - {CHOICES})

    @property
    def has_fixed_choices(self) -> bool:
        """Whether all rows have the same choices."""
        return bool(self.choices) and not any(variables(choice) for choice in self.choices)

    @cached_property
    def words(self) -> list[str]:
        """The fixed choices as text."""
        return [render(choice, {}).strip() for choice in self.choices]

    def answer(self, row: Mapping[str, Any]) -> str:
        """The right answer of a row as text.

        Raises:
            Lost: the target cannot be rendered with this row.
        """
        choices = self.row_choices(row)
        text = render(self.target, {**row, CHOICES: choices}).strip()
        return self.chosen(text, choices)

    def row_choices(self, row: Mapping[str, Any]) -> list[str]:
        """The choices of a row as text.

        Raises:
            Lost: they cannot be rendered with this row, or are no list.
        """
        if not self.listed:
            return [render(choice, row).strip() for choice in self.choices]
        text = render(self.listed, row).strip()
        try:
            found = ast.literal_eval(text)
        except (SyntaxError, ValueError) as error:
            raise Lost(f"its choices are no list: {text[:60]}") from error
        if not isinstance(found, list):
            raise Lost(f"its choices are no list: {text[:60]}")
        return [str(choice).strip() for choice in found]

    def chosen(self, text: str, choices: Sequence[str]) -> str:
        """The choice that a rendered target stands for: itself, or the one at its place."""
        is_place = self.is_numbered and text.isdecimal() and int(text) < len(choices)
        return choices[int(text)] if is_place else text

    @cached_property
    def constants(self) -> list[str]:
        """The values that the target compares its one column with."""
        tree = parse(self.target)
        (column,) = self.target_columns
        found: list[str] = []
        for compare in tree.find_all(nodes.Compare):
            if isinstance(compare.expr, nodes.Name) and compare.expr.name == column:
                found += [str(each.expr.value) for each in compare.ops if isinstance(each.expr, nodes.Const)]
        return list(dict.fromkeys(found))

    @property
    def counts_choices(self) -> bool:
        """Whether the target picks a choice by the number in its column."""
        return bool(re.fullmatch(rf"\s*\{{\{{\s*{CHOICES}\s*\[\s*\w+\s*\]\s*\}}\}}\s*", self.target))


def parse(source: str) -> nodes.Template:
    """The syntax tree of Jinja from elsewhere.

    Raises:
        Lost: this is not Jinja.
    """
    try:
        return _ENVIRONMENT.parse(source)
    except jinja2.TemplateError as error:
        raise Lost(f"this is not Jinja: {error}") from error


def variables(source: str) -> set[str]:
    """The variables that Jinja needs from outside.

    Raises:
        Lost: this is not Jinja, or it calls for filters that no standard Jinja has.
    """
    try:
        return meta.find_undeclared_variables(parse(source)) - {"range", "namespace"}
    except jinja2.TemplateAssertionError as error:
        raise Lost(f"no template knows this: {error.message}") from error


def render(source: str, values: Mapping[str, Any]) -> str:
    """Jinja from elsewhere, rendered in a sandbox.

    Raises:
        Lost: it cannot be rendered with these values.
    """
    try:
        return _ENVIRONMENT.from_string(source).render(**values)
    except _FAULTS as error:
        raise Lost(f"it cannot be rendered: {error}") from error


def only_column(source: str) -> str | None:
    """The column that Jinja shows and nothing else: ``{{ question }}``; None for more than that."""
    found = re.fullmatch(r"\s*\{\{\s*([A-Za-z]\w*)\s*\}\}\s*", source)
    return found[1] if found else None


def our_source(source: str) -> str:
    """Jinja written for an environment that trims nothing, as ours reads it: ``+`` keeps what we would trim."""
    tokens = [(kind, text) for _, kind, text in _ENVIRONMENT.lexer.tokeniter(source, None)]
    written: list[str] = []
    for place, (kind, text) in enumerate(tokens):
        behind = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        before = "".join(written).rpartition("\n")[2]
        if kind == "block_begin" and text == "{%" and before and not before.strip():
            written.append("{%+")
        elif kind == "block_end" and text == "%}" and behind.startswith("\n"):
            written.append("+%}")
        else:
            written.append(text)
    return "".join(written)


def renamed(source: str, old: str, new: str) -> str:
    """Jinja in which a variable has another name; words between the statements stay."""
    tokens = _ENVIRONMENT.lexer.tokeniter(source, None)
    return "".join(new if kind == "name" and text == old else text for _, kind, text in tokens)


def choices_set(choices: Sequence[str]) -> str | None:
    """A statement that defines the choices inside a block; None where one of them is more than a text or a column."""
    items = []
    for choice in choices:
        column = only_column(choice)
        if column is None and variables(choice):
            return None
        items.append(column or _quoted(render(choice, {}).strip()))
    return f"{{% set {CHOICES} = [{', '.join(items)}] %}}"


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
