"""A Template: how a task is said. YAML front matter, then three Jinja blocks: instruction, input, target."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import jinja2
from jinja2 import meta, nodes
from pydantic import Field, StringConstraints, model_validator

from promptsci.errors import PromptError, PromptsciError, SpecError, coded, raise_all, singles
from promptsci.spec.blocks import GLOBALS, compile_block, parse_blocks
from promptsci.spec.budget import new_budget
from promptsci.spec.document import Document, Record, Text, parse, validate
from promptsci.spec.sandbox import render_variables
from promptsci.spec.task import Task, read_text

# What a template's own mistakes raise while it is rendered: Jinja's errors, and those of the values it computes with.
_FAULTS = (jinja2.TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)

EDGE = " \t\r\n"
"""White space that a block loses at its two ends; a prompt never ends in it."""


class Expectation(Record):
    """A test of the prompt of one row, made up (``row``: field: text) or known by its ``id`` and ``split``.

    The plain prompt behind so many ``shots`` must hold ``contains``, must not hold ``lacks``, and must be ``equals``.
    """

    row: dict[str, str] | None = None
    id: Text | None = None
    split: Text = "test"
    shots: Annotated[int, Field(ge=0)] = 0
    contains: Text | None = None
    lacks: Text | None = None
    equals: Text | None = None

    @model_validator(mode="after")
    def _sound(self) -> Expectation:
        if (self.row is None) == (self.id is None):
            raise ValueError("give either a row or an id")
        if self.contains is None and self.lacks is None and self.equals is None:
            raise ValueError("give what the prompt must hold: contains, lacks or equals")
        return self


class FrontMatter(Record):
    """What stands above the blocks.

    Attributes:
        choices: the words of each label or type; without them a label stands for itself.
        numbers: of a regression: the numbers whose log-likelihoods are asked, instead of having one written.
        stop: texts that end a written answer, besides the model's own end and, in plain text, a blank line.
        max_tokens: the longest answer that may be written.
        expect: tests of what prompts say.
    """

    about: Text | None = None
    choices: dict[str, Text] = Field(default_factory=dict)
    numbers: list[float] = Field(default_factory=list)
    stop: list[Annotated[str, StringConstraints(min_length=1)]] = Field(default_factory=list)
    max_tokens: Annotated[int, Field(ge=1)] = 128
    expect: list[Expectation] = Field(default_factory=list)


@dataclass(frozen=True)
class Template:
    """How a task is said.

    ``name`` is ``folder/wording``; ``sha256`` identifies the file's text.
    """

    name: str
    path: Path
    front: FrontMatter
    sha256: str
    document: Document = field(repr=False)
    trees: Mapping[str, nodes.Template] = field(repr=False)
    parts: Mapping[str, jinja2.Template] = field(repr=False)

    def words(self, labels: tuple[str, ...]) -> dict[str, str]:
        """The words that stand for each label, in the task's order of labels."""
        return {label: self.front.choices.get(label, label) for label in labels}

    def writes(self, task: Task) -> bool:
        """Whether the model writes the answer; otherwise it scores choices."""
        return task.answers.is_written and not self.front.numbers and not self.asks_each(task)

    def asks_each(self, task: Task) -> bool:
        """Whether each label of a set is asked by itself, yes or no."""
        return task.form == "labels" and "choice" in self.variables("target")

    def variables(self, block: str) -> frozenset[str]:
        """The variables that a block needs from outside: fields, ``choices``, ``choice``."""
        return self._variables[block]

    @cached_property
    def _variables(self) -> dict[str, frozenset[str]]:
        return {block: frozenset(meta.find_undeclared_variables(tree) - GLOBALS) for block, tree in self.trees.items()}

    def render(self, block: str, variables: Mapping[str, Any]) -> str:
        """The text of a block, without white space at its ends.

        Raises:
            PromptError: the block cannot be rendered with these values, or works without end (file:line).
        """
        part = self.parts[block]
        try:
            with new_budget() as budget:
                pieces = part.root_render_func(part.new_context(render_variables(variables)))
                text = "".join(budget.each_text(pieces))
        except RecursionError as error:
            raise PromptError("a macro calls itself without end", where=str(self.path)) from error
        except _FAULTS as error:
            what = f"the {block} block cannot be rendered: {error}"
            raise PromptError(what, where=self._where(part, error)) from error
        if not _is_unicode(text):
            raise PromptError(f"the {block} block writes half of a character", where=str(self.path))
        return text.strip(EDGE)

    def _where(self, part: jinja2.Template, error: BaseException) -> str:
        import traceback

        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == part.filename]
        if not lines or lines[-1] is None:
            return str(self.path)
        return f"{self.path}:{part.get_corresponding_lineno(lines[-1])}"


def _is_unicode(text: str) -> bool:
    r"""Whether the text can be written down: '\ud800' in a template is half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_template(path: Path, name: str | None = None) -> Template:
    """The Template in a ``.jinja`` file.

    Raises:
        SpecError: not readable, no front matter, not Jinja, or a block is missing or unknown (file:line).
        Problems: several of these.
    """
    text = read_text(path)
    front, first_body_line, body = split_front(text, path)
    problems: list[PromptsciError] = []
    document, front_matter = Document({}, str(path), {}), FrontMatter()
    try:
        document = parse(front, str(path), first_line=2)
        front_matter = validate(FrontMatter, document)
    except PromptsciError as error:
        problems += singles(error)
    trees: dict[str, nodes.Template] = {}
    try:
        trees = parse_blocks("\n" * (first_body_line - 1) + body, path)
    except PromptsciError as error:
        problems += singles(error)
    raise_all(problems)
    return Template(
        name=name or f"{path.parent.name}/{path.stem}",
        path=path,
        front=front_matter,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        document=document,
        trees=trees,
        parts={block: compile_block(tree, path) for block, tree in trees.items()},
    )


@coded("PS004")
def split_front(text: str, path: Path) -> tuple[str, int, str]:
    """Front matter, the line on which the body starts, and the body."""
    lines = text.split("\n")
    if lines[0].strip() != "---":
        raise SpecError("a template starts with front matter between two '---' lines", where=f"{path}:1")
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == "---":
            return "\n".join(lines[1 : number - 1]), number + 1, "\n".join(lines[number:])
    raise SpecError("the front matter has no closing '---' line", where=f"{path}:1")
