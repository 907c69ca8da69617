"""A Template: how a task is said. YAML front matter, then three Jinja blocks: instruction, input, target."""

from __future__ import annotations

import copy
import hashlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from pydantic import Field

from promptsci.errors import PromptError, PromptsciError, SpecError, did_you_mean, raise_all
from promptsci.spec.document import Document, Record, parse, validate
from promptsci.spec.sandbox import Budget, environment, render_variables, with_budget
from promptsci.spec.task import Task, Text, read_text

BLOCKS = ("instruction", "input", "target")
EDGE = " \t\r\n"
"""White space that a block loses at its two ends; a prompt never ends in it."""


class FrontMatter(Record):
    """What stands above the blocks. ``choices`` gives the words of each label; a label without words stands for itself."""

    about: Text | None = None
    choices: dict[str, Text] = Field(default_factory=dict)


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

    def render(self, block: str, variables: Mapping[str, Any]) -> str:
        """The text of a block, without white space at its ends.

        Raises:
            PromptError: the block cannot be rendered with these values, or works without end (file:line).
        """
        part = self.parts[block]
        budget = Budget()
        pieces: list[str] = []
        try:
            for piece in part.root_render_func(part.new_context(render_variables(variables, budget))):
                budget.write(len(piece))
                pieces.append(piece)
        except RecursionError as error:
            raise PromptError("a macro calls itself without end", where=str(self.path)) from error
        except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise PromptError(f"the {block} block cannot be rendered: {error}", where=self._where(part, error)) from error
        return "".join(pieces).strip(EDGE)

    def _where(self, part: jinja2.Template, error: BaseException) -> str:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == part.filename]
        if not lines or lines[-1] is None:
            return str(self.path)
        return f"{self.path}:{part.get_corresponding_lineno(lines[-1])}"


def read_template(path: Path, name: str | None = None) -> Template:
    """The Template in a ``.jinja`` file.

    Raises:
        SpecError: not readable, no front matter, not Jinja, or a block is missing or unknown (file:line).
    """
    text = read_text(path)
    front, first_body_line, body = _split(text, path)
    document = parse(front, str(path), first_line=2)
    front_matter = validate(FrontMatter, document)
    trees = _trees("\n" * (first_body_line - 1) + body, path)
    return Template(
        name=name or f"{path.parent.name}/{path.stem}",
        path=path,
        front=front_matter,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        document=document,
        trees=trees,
        parts={block: _compile(tree, path) for block, tree in trees.items()},
    )


def _split(text: str, path: Path) -> tuple[str, int, str]:
    """Front matter, the line on which the body starts, and the body."""
    lines = text.split("\n")
    if lines[0].strip() != "---":
        raise SpecError("a template starts with front matter between two '---' lines", where=f"{path}:1")
    for number, line in enumerate(lines[1:], start=2):
        if line.strip() == "---":
            return "\n".join(lines[1 : number - 1]), number + 1, "\n".join(lines[number:])
    raise SpecError("the front matter has no closing '---' line", where=f"{path}:1")


@cache
def _environment() -> jinja2.Environment:
    return environment()


def _trees(source: str, path: Path) -> dict[str, nodes.Template]:
    """One syntax tree a block: what stands at the top (macros, sets) and then the block's body."""
    try:
        tree = _environment().parse(source, filename=str(path))
    except jinja2.TemplateSyntaxError as error:
        raise SpecError(f"this is not Jinja: {error.message}", where=f"{path}:{error.lineno}") from error
    except RecursionError as error:
        raise SpecError("the template is nested too deeply", where=str(path)) from error
    top: list[nodes.Node] = []
    blocks: dict[str, nodes.Block] = {}
    for node in tree.body:
        if isinstance(node, nodes.Block):
            blocks[node.name] = node
        elif isinstance(node, (nodes.Macro, nodes.Assign, nodes.AssignBlock)):
            top.append(node)
        else:
            _refuse_outside(node, path)
    _check_blocks(blocks, tree, path)
    trees = {name: nodes.Template([*top, *block.body], lineno=block.lineno) for name, block in blocks.items()}
    for part in trees.values():
        part.set_environment(_environment())
    return trees


def _refuse_outside(node: nodes.Node, path: Path) -> None:
    text = "".join(data.data for data in node.find_all(nodes.TemplateData))
    if isinstance(node, nodes.Output) and not text.strip() and all(isinstance(n, nodes.TemplateData) for n in node.nodes):
        return
    line = node.lineno + len(text) - len(text.lstrip("\n"))
    raise SpecError("this stands outside the blocks and would never be shown", where=f"{path}:{line}",
                    fix="Put it into the instruction, input or target block.")  # fmt: skip


def _check_blocks(blocks: Mapping[str, nodes.Block], tree: nodes.Template, path: Path) -> None:
    problems: list[PromptsciError] = [
        SpecError(f"unknown block '{name}'", where=f"{path}:{block.lineno}", fix=did_you_mean(name, BLOCKS))
        for name, block in blocks.items()
        if name not in BLOCKS
    ]
    problems += [
        SpecError(f"the template has no {name} block", where=str(path), fix=f"Add {{% block {name} %}}...{{% endblock %}}.")
        for name in BLOCKS
        if name not in blocks
    ]
    problems += [
        SpecError(f"a template cannot {kind} another file", where=f"{path}:{node.lineno}")
        for node_type, kind in ((nodes.Include, "include"), (nodes.Import, "import"), (nodes.FromImport, "import"),
                                (nodes.Extends, "extend"))
        for node in tree.find_all(node_type)
    ]  # fmt: skip
    problems += [
        SpecError(f"'{node.name}' cannot be used in a template: names do not start with an underscore",
                  where=f"{path}:{node.lineno}")
        for node in tree.find_all(nodes.Name)
        if node.name.startswith("_")
    ]  # fmt: skip
    raise_all(problems)


def _compile(tree: nodes.Template, path: Path) -> jinja2.Template:
    env = _environment()
    bounded = with_budget(copy.deepcopy(tree))
    bounded.set_environment(env)
    try:
        code = env.compile(bounded, str(path), str(path))
        return jinja2.Template.from_code(env, code, env.make_globals(None))
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        raise SpecError(f"this is not Jinja: {error}", where=f"{path}:{line}" if line else str(path)) from error
    except (RecursionError, SyntaxError, MemoryError) as error:
        raise SpecError("the template is nested too deeply", where=str(path)) from error


def check_fit(template: Template, task: Task) -> None:
    """Nothing when the template can say this task; otherwise raises every reason why not, each with its line."""
    raise_all([*_unknown_variables(template, task), *_choice_problems(template, task)])


def _unknown_variables(template: Template, task: Task) -> list[PromptsciError]:
    allowed = {
        "instruction": {"choices"},
        "input": {"choices", *task.fields},
        "target": {"choices", "choice", *task.fields},
    }
    problems: list[PromptsciError] = []
    for block, tree in template.trees.items():
        for name in sorted(meta.find_undeclared_variables(tree) - allowed[block] - {"range", "namespace"}):
            line = next(node.lineno for node in tree.find_all(nodes.Name) if node.name == name)
            where = f"{template.path}:{line}"
            if name in task.fields or name == "choice":
                problems.append(SpecError(f"the {block} block cannot see '{name}'", where=where,
                                          fix="It may use: " + ", ".join(sorted(allowed[block])) + "."))  # fmt: skip
            else:
                problems.append(SpecError(
                    f"the template uses '{name}', which task {task.name} does not have", where=where,
                    fix=f"Fields: {', '.join(task.fields)}.  {did_you_mean(name, task.fields)}".removesuffix(
                        f"  Known: {', '.join(sorted(task.fields))}."),
                ))  # fmt: skip
    return problems


def _choice_problems(template: Template, task: Task) -> list[PromptsciError]:
    given = template.front.choices
    where = template.document.where
    problems: list[PromptsciError] = [
        SpecError(f"choices: '{label}' is not a label of task {task.name}", where=where(("choices", label)),
                  fix=did_you_mean(label, task.labels))
        for label in given
        if label not in task.labels
    ]  # fmt: skip
    if given:
        problems += [
            SpecError(f"choices: label '{label}' of task {task.name} has no words", where=where(("choices",)),
                      fix=f"Add a line '{label}: ...' under choices.")
            for label in task.labels
            if label not in given
        ]  # fmt: skip
    first_with: dict[str, str] = {}
    for label, words in template.words(task.labels).items():
        other = first_with.setdefault(words, label)
        if other != label:
            problems.append(SpecError(f"choices: {other} and {label} have the same words '{words}'",
                                      where=where(("choices", label)), fix="Give each label words of its own."))  # fmt: skip
    return problems
