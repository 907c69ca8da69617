"""Which variables reach the text that a block writes: data flow over Jinja's syntax tree.

A variable reaches the text directly, through ``set``, filters, macros, loops and calls, and also through a test that
decides what is written (``{% if label == "a" %}yes{% endif %}`` tells the label without showing it). What is assigned
and never written does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

Names = frozenset[str]
Known = dict[str, Names]
NONE: Names = frozenset()
_PARAMETER = "\0"
"""Marks what stands for a macro's own parameter while its body is looked at; no variable starts with it."""


@dataclass(frozen=True)
class _Macro:
    """What a call of a macro writes: these variables, and the arguments of these parameters."""

    parameters: tuple[str, ...]
    writes: Names

    def called(self, args: Sequence[Names], named: Known) -> Names:
        """The variables that the text of one call depends on."""
        given = {**dict(zip(self.parameters, args, strict=False)), **named}
        extra = args[len(self.parameters) :]
        own = frozenset(name for name in self.writes if not name.startswith(_PARAMETER))
        shown = [given.get(name[len(_PARAMETER) :], NONE) for name in self.writes - own]
        return own.union(*shown, *extra)


class Flow:
    """The variables that reach a block's text.

    Attributes:
        written: variable -> the first line on which it decides what is written.
    """

    def __init__(self, tree: nodes.Template, variables: Names) -> None:
        self.written: dict[str, int] = {}
        self._variables = variables
        self._macros: dict[str, _Macro] = {}
        self._sinks: list[set[str]] = []
        self._body(tree.body, {}, NONE)

    def _body(self, body: Iterable[nodes.Node], known: Known, under: Names) -> None:
        """Follows statements: ``known`` is what each name that was set depends on, ``under`` the tests around."""
        for node in body:
            follow = _STATEMENTS.get(type(node))
            if follow is not None:
                follow(self, node, known, under)
            else:
                self._body(node.iter_child_nodes(), known, under)

    def _write(self, names: Names, line: int) -> None:
        if self._sinks:
            self._sinks[-1] |= names
            return
        for name in names:
            self.written[name] = min(line, self.written.get(name, line))

    def _collected(self, body: Iterable[nodes.Node], known: Known, under: Names) -> Names:
        """What the text of a body depends on, where it is kept rather than written."""
        self._sinks.append(set())
        self._body(body, known, under)
        return frozenset(self._sinks.pop())

    def _output(self, node: nodes.Output, known: Known, under: Names) -> None:
        for part in node.nodes:
            if not isinstance(part, nodes.TemplateData):
                self._write(under | self._value(part, known), part.lineno)
            elif part.data.strip():
                self._write(under, part.lineno)

    def _assign(self, node: nodes.Assign, known: Known, under: Names) -> None:
        self._bind(node.target, self._value(node.node, known) | under, known)

    def _assign_block(self, node: nodes.AssignBlock, known: Known, under: Names) -> None:
        names = self._collected(node.body, known, under)
        filters = self._value(node.filter, known) if node.filter is not None else NONE
        self._bind(node.target, names | filters, known)

    def _bind(self, target: nodes.Node, names: Names, known: Known) -> None:
        for each in (target, *target.find_all((nodes.Name, nodes.NSRef))):
            if isinstance(each, nodes.NSRef):  # one of many names in a namespace: the others stay
                known[each.name] = known.get(each.name, NONE) | names
            elif isinstance(each, nodes.Name):
                known[each.name] = names

    def _for(self, node: nodes.For, known: Known, under: Names) -> None:
        items = self._value(node.iter, known)
        inside = dict(known)
        for _ in range(2):  # what a turn sets in a namespace, the next may write
            self._bind(node.target, items, inside)
            inside["loop"] = items
            test = self._value(node.test, inside) if node.test is not None else NONE
            self._body(node.body, inside, under | items | test)
            self._join(known, inside, list(known))
        self._body(node.else_, known, under | items)

    def _if(self, node: nodes.If, known: Known, under: Names) -> None:
        under = under | self._value(node.test, known)
        ways = [dict(known) for _ in range(2 + len(node.elif_))]
        self._body(node.body, ways[0], under)
        for one, way in zip(node.elif_, ways[1:], strict=False):
            under = under | self._value(one.test, known)
            self._body(one.body, way, under)
        self._body(node.else_, ways[-1], under)
        for way in ways:
            self._join(known, way, list(way))

    def _macro(self, node: nodes.Macro, known: Known, under: Names) -> None:
        parameters = tuple(argument.name for argument in node.args)
        own = {name: frozenset({_PARAMETER + name}) for name in parameters}
        defaults = NONE.union(*(self._value(default, known) for default in node.defaults))
        # A macro that calls itself writes what its arguments are, whichever call they come from.
        self._macros[node.name] = _Macro(parameters, frozenset(_PARAMETER + name for name in parameters))
        free = {"caller": NONE, "varargs": NONE, "kwargs": NONE}
        writes = self._collected(node.body, {**known, **free, **own}, under)
        self._macros[node.name] = _Macro(parameters, writes | defaults)
        known[node.name] = frozenset(name for name in writes | defaults if not name.startswith(_PARAMETER))

    def _call_block(self, node: nodes.CallBlock, known: Known, under: Names) -> None:
        inner = {argument.name: self._value(node.call, known) for argument in node.args}
        caller = self._collected(node.body, {**known, **inner}, under)
        self._write(under | caller | self._value(node.call, known), node.lineno)

    def _filter_block(self, node: nodes.FilterBlock, known: Known, under: Names) -> None:
        self._write(self._collected(node.body, dict(known), under) | self._value(node.filter, known), node.lineno)

    def _with(self, node: nodes.With, known: Known, under: Names) -> None:
        inside = dict(known)
        for target, value in zip(node.targets, node.values, strict=True):
            self._bind(target, self._value(value, known), inside)
        self._body(node.body, inside, under)

    def _named(self, name: str, known: Known) -> Names:
        return known.get(name, frozenset({name}) & self._variables)

    def _join(self, known: Known, way: Known, names: Iterable[str]) -> None:
        """Adds to what is known what a way through a test or loop may have set."""
        for name in names:
            known[name] = self._named(name, known) | self._named(name, way)

    def _value(self, node: nodes.Node, known: Known) -> Names:
        """The variables that an expression depends on."""
        if isinstance(node, nodes.Name):
            return self._named(node.name, known)
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in self._macros:
            return self._call(node, self._macros[node.node.name], known)
        return NONE.union(*(self._value(child, known) for child in node.iter_child_nodes()))

    def _call(self, node: nodes.Call, macro: _Macro, known: Known) -> Names:
        named = {keyword.key: self._value(keyword.value, known) for keyword in node.kwargs}
        rest = [self._value(each, known) for each in (node.dyn_args, node.dyn_kwargs) if each is not None]
        return macro.called([self._value(each, known) for each in node.args], named).union(*rest)


_STATEMENTS: Mapping[type[nodes.Node], Callable[[Any, Any, Known, Names], None]] = {
    nodes.Output: Flow._output,
    nodes.Assign: Flow._assign,
    nodes.AssignBlock: Flow._assign_block,
    nodes.For: Flow._for,
    nodes.If: Flow._if,
    nodes.Macro: Flow._macro,
    nodes.CallBlock: Flow._call_block,
    nodes.FilterBlock: Flow._filter_block,
    nodes.With: Flow._with,
}
