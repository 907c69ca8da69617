"""Branches of a template that can never be written: tests that come out the same for every row and every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from jinja2 import meta, nodes

from promptsci.errors import PromptsciError
from promptsci.spec import Template
from promptsci.spec.blocks import GLOBALS, compile_block

MAX_TESTS = 50
"""Tests of one block that are tried out; a prompt has a handful."""

_CHEAP = (
    *(nodes.Compare, nodes.Operand, nodes.Const, nodes.Name, nodes.Filter, nodes.Test, nodes.Getitem, nodes.Getattr),
    *(nodes.Not, nodes.And, nodes.Or, nodes.List, nodes.Tuple),
)
"""What a test may hold that is tried out: none of it can work for long."""
_BINDING = (nodes.For, nodes.Macro, nodes.Assign, nodes.AssignBlock, nodes.With, nodes.CallBlock)


class Dead(NamedTuple):
    """What is never written: the line of the test, and why."""

    line: int
    why: str


class Branches:
    """The tests of one block.

    Args:
        template: the template.
        block: the block's name.
        cases: all values that the variables known beforehand can have together.
        always: variables that are always defined.
    """

    def __init__(
        self, template: Template, block: str, cases: Sequence[Mapping[str, Any]], always: frozenset[str]
    ) -> None:
        self.template = template
        self.tree = template.trees[block]
        self.cases = cases
        self.always = always
        bound = {name.name for node in self.tree.find_all(_BINDING) for name in _targets(node)}
        self.known = (set(cases[0]) if cases else set()) - bound

    def dead(self) -> Iterator[Dead]:
        """Yields each branch that is never written."""
        tests: Iterator[nodes.Node] = self.tree.find_all((nodes.If, nodes.CondExpr))
        chained = {id(each) for node in self.tree.find_all(nodes.If) for each in node.elif_}
        for number, node in enumerate(tests):
            if number == MAX_TESTS:
                return
            if isinstance(node, nodes.CondExpr):
                yield from self._choice(node)
            elif isinstance(node, nodes.If) and id(node) not in chained:
                yield from self._chain(node)
        for loop in self.tree.find_all(nodes.For):
            if isinstance(loop.iter, (nodes.List, nodes.Tuple)) and not loop.iter.items:
                yield Dead(loop.lineno, "the list is empty, so the loop's body is never written")

    def _choice(self, node: nodes.CondExpr) -> Iterator[Dead]:
        value = self.value(node.test)
        if value is not None and (node.expr2 is not None or not value):
            yield Dead(node.lineno, f"the test is always {_word(value)}, so one of the two values is never written")

    def _chain(self, node: nodes.If) -> Iterator[Dead]:
        earlier: list[nodes.Expr] = []
        links = [node, *node.elif_]
        for place, link in enumerate(links):
            test: Any = link.test  # jinja2 says no more than that it is a node
            value = self.value(test)
            if test in earlier:
                yield Dead(link.lineno, "the same test stands above, so this branch is never written")
            elif value is False:
                yield Dead(link.lineno, "the test is always false, so this branch is never written")
            elif value and (place + 1 < len(links) or node.else_):
                yield Dead(link.lineno, "the test is always true, so what follows 'else' is never written")
                return
            earlier.append(test)

    def value(self, test: nodes.Expr) -> bool | None:
        """What a test comes to in every case; None where that differs or depends on the row."""
        if isinstance(test, nodes.Not):
            inner = self.value(test.node)
            return None if inner is None else not inner
        if isinstance(test, (nodes.And, nodes.Or)):
            decisive = isinstance(test, nodes.Or)
            sides = (self.value(test.left), self.value(test.right))
            return decisive if decisive in sides else None if None in sides else not decisive
        if isinstance(test, nodes.Test) and test.name in ("defined", "undefined"):
            is_known = isinstance(test.node, nodes.Name) and test.node.name in self.always
            return test.name == "defined" if is_known else None
        return self._tried(test)

    def _tried(self, test: nodes.Expr) -> bool | None:
        parts = [test, *test.find_all(nodes.Node)]
        if not all(isinstance(part, _CHEAP) for part in parts):
            return None
        written = self._written(test)
        if not meta.find_undeclared_variables(written) - GLOBALS <= self.known:
            return None
        try:
            part = compile_block(written, self.template.path)
            alone = replace(self.template, parts={"test": part})
            found = {alone.render("test", case) for case in self.cases}
        except PromptsciError:
            return None
        return found == {"1"} if len(found) == 1 else None

    def _written(self, test: nodes.Expr) -> nodes.Template:
        """A template that writes 1 where the test is true and 0 where it is not."""
        shown = nodes.CondExpr(test, nodes.Const("1"), nodes.Const("0"), lineno=test.lineno)
        body: list[nodes.Node] = [nodes.Output([shown], lineno=test.lineno)]
        return nodes.Template(body, lineno=test.lineno, environment=self.tree.environment)


def _targets(node: nodes.Node) -> Iterator[nodes.Name]:
    """The names that a statement binds."""
    if isinstance(node, (nodes.Macro, nodes.CallBlock)):
        yield from node.args
        return
    targets = node.targets if isinstance(node, nodes.With) else [node.target]  # type: ignore[attr-defined]
    for target in targets:
        yield from [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name)


def _word(value: bool) -> str:
    return "true" if value else "false"
