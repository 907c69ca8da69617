"""The Jinja environment that templates run in: no files, no attributes of the program, bounded work and output.

Jinja's own sandbox keeps templates away from the interpreter but not from the clock: a template may still loop for
minutes or build a gigabyte string. Here every loop turn, call, filter, sum and comparison is paid from the Budget.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeVar

from jinja2 import StrictUndefined, TemplateRuntimeError, nodes, pass_context, pass_environment
from jinja2.environment import Environment
from jinja2.filters import make_attrgetter
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promptsci.spec.budget import ITEM, STEP, TooMuchWork, budget

N = TypeVar("N", bound=nodes.Node)

# Filters whose input is shown as text first; the others take it as it is.
_TEXT_FILTERS = "capitalize lower string title trim truncate upper wordcount".split()
_FILTERS = """abs count d default first float int items last length list map max min reject rejectattr reverse select
selectattr sort unique""".split()
_TESTS = """boolean defined divisibleby eq equalto even false float ge greaterthan gt in integer iterable le lessthan lt
mapping ne none number odd sameas sequence string true undefined""".split()
_OPERATORS = ("!=", "<", "<=", "==", ">", ">=")  # the tests that go by the signs of comparison
_PASSED = "jinja_pass_arg"  # the mark of a function to which Jinja passes the context or the environment first
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        """capitalize count endswith find isalpha isdigit islower isupper lower lstrip rstrip split splitlines
        startswith strip title upper""".split()
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
}


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja with whitelisted filters, tests and methods, whose work is paid from the current Budget.

    Nothing is computed while a template is compiled: constants too are the render's work.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            optimized=False,
            finalize=_shown,
        )
        plain, tests = self.filters, self.tests
        self.filters = {name: _paid(plain[name]) for name in _FILTERS}
        self.filters |= {name: _paid(_of_text(plain[name])) for name in _TEXT_FILTERS}
        self.filters |= {"join": _paid(_join), "replace": _paid(_replace), "round": _paid(_round)}
        self.filters |= {"sum": _paid(_sum), "tojson": _paid(_tojson)}
        self.tests = {name: _paid(tests[name]) for name in (*_TESTS, *_OPERATORS)}
        self.globals = {"range": self.globals["range"], "namespace": self.globals["namespace"]}
        # Jinja finds here what puts together the text of a macro or of {% set %}...{% endset %}.
        self.concat = _concat  # type: ignore[method-assign]

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, ``range``, ``namespace``, the loop's own functions and plain methods of text, lists and mappings."""
        if isinstance(obj, Macro) or any(obj is known for known in (*self.globals.values(), *_HIDDEN.values())):
            return True
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, LoopContext):
            return True
        return any(isinstance(owner, kind) and obj.__name__ in names for kind, names in _METHODS.items())

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Calls what may be called, paid for."""
        if isinstance(obj, StrictUndefined):
            str(obj)  # raises, naming what is not defined
        if not self.is_safe_callable(obj):
            name = getattr(obj, "__name__", type(obj).__name__)
            raise TemplateRuntimeError(f"'{name}' cannot be called in a template; there may be a filter for it")
        if any(obj is hidden for hidden in _HIDDEN.values()):
            return obj(*args)
        budget().spend(STEP)
        for value in (getattr(obj, "__self__", None), *args, *kwargs.values()):
            budget().weigh(value)
        return _result(super().call(context, obj, *args, **kwargs))

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The item of a list or mapping; the key is paid for, as it may be a tuple of any depth."""
        return super().getitem(obj, budget().weigh(argument))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The value of a sum, product, quotient or power whose result stays small."""
        paid = budget()
        paid.spend(ITEM)
        if operator == "%" and isinstance(left, str):
            raise TemplateRuntimeError("'%' does not format text in a template; use '~' to join texts")
        if operator == "**" and (abs(left) > 1_000 or abs(right) > 10):
            raise TooMuchWork(f"{left} ** {right} is too large for a template")
        if operator == "*":
            _pay_product(left, right)
        if operator == "+":
            for value in (left, right):
                paid.spend(len(value) * ITEM if isinstance(value, (list, tuple)) else 0)
                paid.spend(len(value) if isinstance(value, str) else 0)
        result = super().call_binop(context, operator, left, right)
        return paid.weigh(result) if isinstance(result, int) else result


def _pay_product(left: Any, right: Any) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, (str, list, tuple)) and isinstance(times, int):
            budget().spend(max(times, 0) * len(value) * (1 if isinstance(value, str) else ITEM))


@pass_context
def _shown(_context: Context, value: Any) -> str:
    # Jinja computes what needs no context while it compiles, where there is no Budget.
    return budget().text(value)


def _concat(pieces: Any) -> str:
    texts = list(pieces)
    budget().spend(sum(map(len, texts)))
    return "".join(texts)


def _paid(function: Any) -> Callable[..., Any]:
    """A filter or test as one paid step; what goes in and what comes out is weighed."""
    n_passed = 0 if getattr(function, _PASSED, None) is None else 1

    @wraps(function)  # carries the mark too
    def paid(*args: Any, **kwargs: Any) -> Any:
        budget().spend(STEP)
        for value in kwargs.values():
            budget().weigh(value)
        return _result(function(*args[:n_passed], *map(_result, args[n_passed:]), **kwargs))

    return paid


def _result(value: Any) -> Any:
    """The value, weighed; a sequence that is computed bit by bit is paid for as it is used."""
    return budget().each(value) if isinstance(value, Iterator) else budget().weigh(value)


def _of_text(function: Any) -> Callable[..., Any]:
    """A filter whose input is shown as text first."""
    if getattr(function, _PASSED, None) is not None:

        @wraps(function)
        def behind(passed: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
            return function(passed, budget().text(value), *args, **kwargs)

        return behind

    @wraps(function)
    def alone(value: Any, *args: Any, **kwargs: Any) -> Any:
        return function(budget().text(value), *args, **kwargs)

    return alone


@pass_environment
def _join(env: Environment, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    items = map(make_attrgetter(env, attribute), value) if attribute is not None else value
    texts = [budget().text(item) for item in items]
    gap = budget().text(d)
    budget().spend(len(gap) * len(texts))
    return gap.join(texts)


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    text, before, after = map(budget().text, (value, old, new))
    times = text.count(before) if count is None or count < 0 else min(count, text.count(before))
    budget().spend(times * len(after))
    return text.replace(before, after, times)


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if abs(precision) > 15:
        raise TooMuchWork("round: the precision is at most 15 digits")
    if method not in ("common", "ceil", "floor"):
        raise TemplateRuntimeError("round: the method is 'common', 'ceil' or 'floor'")
    if method == "common":
        return round(value, precision)
    scaled = value * 10**precision
    return (-(-scaled // 1) if method == "ceil" else scaled // 1) / 10**precision


@pass_environment
def _sum(env: Environment, value: Any, attribute: str | int | None = None, start: float = 0) -> Any:
    if not isinstance(start, (int, float)):
        raise TemplateRuntimeError("sum: only numbers can be added up; use 'join' for texts")
    items = map(make_attrgetter(env, attribute), value) if attribute is not None else value
    return sum(items, start)


def _tojson(value: Any, indent: int | None = None) -> str:
    """JSON as it stands in a file; Jinja's own escapes <, > and & for web pages."""
    if indent is not None and not 0 <= indent <= 8:
        raise TooMuchWork("tojson: the indent is at most 8")
    budget().text(value)
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    budget().spend(len(text))
    return text


def _each(items: Any, n_nodes: int) -> Iterator[Any]:
    return budget().each(items, STEP + ITEM * n_nodes)


def _joined(*values: Any) -> str:
    return _concat([budget().text(value) for value in values])


def _weighed(value: Any) -> Any:
    return budget().weigh(value)


def _spent(n_nodes: int) -> None:
    budget().spend(ITEM * n_nodes)


# Functions that the syntax tree of a template is made to call. Names in templates never start with an underscore.
_HIDDEN: Mapping[str, Callable[..., Any]] = {"_each": _each, "_joined": _joined, "_weighed": _weighed, "_spent": _spent}


def render_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a render, with the hidden functions that pay for its work."""
    return {**variables, **_HIDDEN}


def with_budget(tree: nodes.Template) -> nodes.Template:
    """A copy of the syntax tree in which all that Jinja does without asking the environment is paid for."""
    return _paid_tree(tree)


def _paid_tree(node: N) -> N:
    paid = copy.copy(node)
    for name, value in node.iter_fields():
        if isinstance(value, list):
            setattr(paid, name, [_paid_tree(item) if isinstance(item, nodes.Node) else item for item in value])
        elif isinstance(value, nodes.Node):
            setattr(paid, name, _paid_tree(value))
    change = _CHANGES.get(type(paid))
    changed: N = paid if change is None else change(paid)
    return changed


def _paid_for(node: nodes.For) -> nodes.Node:
    size = nodes.Const(_size(node.body) + (_size([node.test]) if node.test else 0))
    node.iter = _call("_each", [node.iter, size], node.lineno)
    return node


def _paid_body(node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
    spent = _call("_spent", [nodes.Const(_size(node.body))], node.lineno)
    node.body = [nodes.ExprStmt(spent, lineno=node.lineno), *node.body]
    return node


def _paid_concat(node: nodes.Concat) -> nodes.Node:
    return _call("_joined", node.nodes, node.lineno)


def _paid_compare(node: nodes.Compare) -> nodes.Node:
    node.expr = _weighed_node(node.expr)
    for operand in node.ops:
        operand.expr = _weighed_node(operand.expr)
    return node


def _paid_slice(node: nodes.Getitem) -> nodes.Node:
    if isinstance(node.arg, nodes.Slice):
        node.node = _weighed_node(node.node)
    return node


def _paid_key(node: nodes.Pair) -> nodes.Node:
    node.key = _weighed_node(node.key)
    return node


_CHANGES: Mapping[type[nodes.Node], Callable[[Any], Any]] = {
    nodes.For: _paid_for,
    nodes.Macro: _paid_body,
    nodes.CallBlock: _paid_body,
    nodes.Concat: _paid_concat,
    nodes.Compare: _paid_compare,
    nodes.Getitem: _paid_slice,
    nodes.Pair: _paid_key,
}


def _size(body: list[nodes.Node]) -> int:
    return sum(1 + sum(1 for _ in node.find_all(nodes.Node)) for node in body)


def _weighed_node(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else _call("_weighed", [node], node.lineno)


def _call(name: str, arguments: list[Any], line: int) -> nodes.Call:
    return nodes.Call(nodes.Name(name, "load", lineno=line), arguments, [], None, None, lineno=line)


def environment() -> TemplateEnvironment:
    """The one environment that all templates share."""
    return TemplateEnvironment()
