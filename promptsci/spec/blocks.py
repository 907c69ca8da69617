"""The body of a template as three syntax trees: what Jinja allows and a template does not ends here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import jinja2
from jinja2 import nodes

from promptsci.errors import PromptsciError, SpecError, coded, did_you_mean, raise_all
from promptsci.spec.budget import MAX_NUMBER
from promptsci.spec.sandbox import TemplateEnvironment, environment, with_budget

BLOCKS = ("instruction", "input", "target")
GLOBALS = frozenset({"range", "namespace"})
MAX_NODES = 10_000
"""A page of text has a hundred; as many as this take a quarter of a second to compile."""

_FILES = ((nodes.Include, "include"), (nodes.Import, "import"), (nodes.FromImport, "import"), (nodes.Extends, "extend"))
_BY_CHANCE = frozenset({"random", "shuffle"})
_TOO_DEEP = "the template is nested too deeply"
_Definition = nodes.Macro | nodes.Assign | nodes.AssignBlock
_DEFINITIONS = (nodes.Macro, nodes.Assign, nodes.AssignBlock)


@cache
def _environment() -> TemplateEnvironment:
    return environment()


@coded("PS006")
def parse_blocks(source: str, path: Path) -> dict[str, nodes.Template]:
    """One syntax tree a block: the macros and sets of the top that it uses, and then the block's body.

    Args:
        source: the template's text, in which line numbers are those of the file.
        path: the file, for messages.

    Raises:
        SpecError: not Jinja, or one thing in it that a template cannot have (file:line).
        Problems: several such things.
    """
    try:
        tree = _environment().parse(source, filename=str(path))
        top, blocks = _split_top(tree)
        raise_all([*_outside_problems(tree, path), *_block_problems(blocks, path), *_word_problems(tree, path)])
        trees = {name: _with_definitions(block, top) for name, block in blocks.items()}
    except jinja2.TemplateSyntaxError as error:
        what = f"this is not Jinja: {error.message}"
        raise SpecError(what, where=f"{path}:{error.lineno}", code="PS005") from error
    except ValueError as error:  # Python reads a number of thousands of digits only when told to
        raise SpecError("a number is too large for a template", where=str(path)) from error
    except RecursionError as error:
        raise SpecError(_TOO_DEEP, where=str(path)) from error
    return trees


def _split_top(tree: nodes.Template) -> tuple[list[_Definition], dict[str, nodes.Block]]:
    top = [node for node in tree.body if isinstance(node, _DEFINITIONS)]
    return top, {node.name: node for node in tree.body if isinstance(node, nodes.Block)}


def _outside_problems(tree: nodes.Template, path: Path) -> Iterator[PromptsciError]:
    """What stands neither in a block nor defines something that blocks can use, and blocks where they cannot be."""
    seen: set[str] = set()
    fitting = (*_DEFINITIONS, *(kind for kind, _ in _FILES))
    for node in tree.body:
        if isinstance(node, nodes.Block):
            if node.name in seen:
                yield SpecError(f"there are two blocks '{node.name}'", where=f"{path}:{node.lineno}")
            seen.add(node.name)
        elif not isinstance(node, fitting) and not _is_blank(node):
            yield SpecError(
                "this stands outside the blocks and would never be shown",
                where=f"{path}:{_first_line(node)}",
                fix="Put it into the instruction, input or target block.",
            )
    outer = {id(node) for node in tree.body}
    for block in tree.find_all(nodes.Block):
        if id(block) not in outer:
            yield SpecError(f"block '{block.name}' stands inside another block", where=f"{path}:{block.lineno}")


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
    )


def _first_line(node: nodes.Node) -> int:
    """The line on which a statement, or the first word of a text, stands."""
    first = node.nodes[0] if isinstance(node, nodes.Output) else node
    if not isinstance(first, nodes.TemplateData):
        return node.lineno
    blank = first.data[: len(first.data) - len(first.data.lstrip())]
    return first.lineno + blank.count("\n")


def _block_problems(blocks: Mapping[str, nodes.Block], path: Path) -> Iterator[PromptsciError]:
    for name, block in blocks.items():
        if name not in BLOCKS:
            yield SpecError(f"unknown block '{name}'", where=f"{path}:{block.lineno}", fix=did_you_mean(name, BLOCKS))
    for name in BLOCKS:
        if name not in blocks:
            fix = f"Add {{% block {name} %}}...{{% endblock %}}."
            yield SpecError(f"the template has no {name} block", where=str(path), fix=fix)


def _word_problems(tree: nodes.Template, path: Path) -> Iterator[PromptsciError]:
    """Statements, names, filters and tests that a template does not know; templates of absurd size."""
    for kind, verb in _FILES:
        for node in tree.find_all(kind):
            yield SpecError(f"a template cannot {verb} another file", where=f"{path}:{node.lineno}")
    for escaping in tree.find_all(nodes.EvalContextModifier):
        what = "a template cannot escape texts: fields are shown as they are"
        yield SpecError(what, where=f"{path}:{escaping.lineno}")
    for name in tree.find_all(nodes.Name):
        if name.name.startswith("_"):
            what = f"'{name.name}' cannot be used in a template: names do not start with an underscore"
            yield SpecError(what, where=f"{path}:{name.lineno}")
        elif name.name in ("self", "super"):
            yield SpecError(f"'{name.name}' cannot be used in a template", where=f"{path}:{name.lineno}")
    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, (int, float)) and abs(constant.value) > MAX_NUMBER:
            yield SpecError("a number is too large for a template", where=f"{path}:{constant.lineno}")
    yield from _unknown(tree.find_all(nodes.Filter), "filter", _environment().filters, path)
    yield from _unknown(tree.find_all(nodes.Test), "test", _environment().tests, path)
    n_nodes = sum(1 for _ in tree.find_all(nodes.Node))
    if n_nodes > MAX_NODES:
        what = f"the template has {n_nodes:,} parts of Jinja; {MAX_NODES:,} are the most"
        yield SpecError(what, where=str(path), fix="Put long lists into the data.")


def _unknown(
    used: Iterable[nodes.Filter | nodes.Test], kind: str, known: Iterable[str], path: Path
) -> Iterator[PromptsciError]:
    names = [name for name in known if name.isalpha()]
    for node in used:
        if node.name not in names:
            what, fix, code = f"templates have no {kind} '{node.name}'", did_you_mean(node.name, names), None
            if node.name in _BY_CHANCE:
                what, fix, code = f"{what}: the same row must give the same prompt", "Write a fixed order.", "PS007"
            yield SpecError(what, where=f"{path}:{node.lineno}", fix=fix, code=code)


def _with_definitions(block: nodes.Block, top: list[_Definition]) -> nodes.Template:
    """The block's body behind the definitions it uses, themselves or through each other."""
    names = _names(block)
    n_known = -1
    while n_known < len(names):
        n_known = len(names)
        names = names.union(*(_names(definition) for definition in top if _defined(definition) & names))
    used = [definition for definition in top if _defined(definition) & names]
    return nodes.Template([*used, *block.body], lineno=block.lineno, environment=_environment())


def _names(node: nodes.Node) -> set[str]:
    own = {node.name} if isinstance(node, (nodes.Name, nodes.NSRef)) else set()
    names = {name.name for name in node.find_all(nodes.Name)}
    return own | names | {reference.name for reference in node.find_all(nodes.NSRef)}


def _defined(node: _Definition) -> set[str]:
    return {node.name} if isinstance(node, nodes.Macro) else _names(node.target)


@coded("PS005")
def compile_block(tree: nodes.Template, path: Path) -> jinja2.Template:
    """The block's tree as a program that pays for its work.

    Raises:
        SpecError: the tree cannot be compiled (file:line).
    """
    env = _environment()
    try:
        bounded = with_budget(tree)
        bounded.set_environment(env)
        code = env.compile(bounded, str(path), str(path))
        return jinja2.Template.from_code(env, code, env.make_globals(None))
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        raise SpecError(f"this is not Jinja: {error}", where=f"{path}:{line}" if line else str(path)) from error
    except (RecursionError, SyntaxError, MemoryError) as error:
        raise SpecError(_TOO_DEEP, where=str(path)) from error
