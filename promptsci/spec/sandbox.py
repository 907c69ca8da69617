"""The Jinja environment that templates run in: no files, no attributes of the program, bounded work and output.

Jinja's own sandbox keeps templates away from the interpreter but not from the clock: a template may still loop for minutes or
build a gigabyte string. Here every loop turn, call, join and product is counted against one Budget a render.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateRuntimeError, nodes
from jinja2.environment import Environment
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS = 100_000
MAX_SECONDS = 1.0
MAX_CHARACTERS = 32_000_000
MAX_NUMBER = 10**30

_FILTERS = """abs capitalize count d default first float int items join last length list lower map max min reject rejectattr
replace reverse round select selectattr sort string sum title tojson trim truncate unique upper wordcount""".split()
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        """capitalize count endswith find isalpha isdigit islower isupper lower lstrip rstrip split splitlines startswith strip
        title upper""".split()
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
}


class TooMuchWork(TemplateRuntimeError):
    """A template asked for more loop turns, calls or text than a prompt can need."""


class Budget:
    """What one render may still do."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.characters = MAX_CHARACTERS
        self.deadline_s = time.monotonic() + MAX_SECONDS

    def step(self) -> None:
        """Counts one loop turn or call."""
        self.steps -= 1
        if self.steps < 0:
            raise TooMuchWork(f"the template makes more than {MAX_STEPS:,} loop turns and calls")
        # Only a template that has already made many steps can be stopped by the clock: a busy machine cannot fail a sound one.
        if self.steps % 256 == 0 and time.monotonic() > self.deadline_s:
            raise TooMuchWork(f"the template works for longer than {MAX_SECONDS:g} s")

    def write(self, n_characters: int) -> None:
        """Counts text that is about to be built."""
        self.characters -= n_characters
        if self.characters < 0:
            raise TooMuchWork(f"the template builds more than {MAX_CHARACTERS:,} characters")

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, each counted as a step."""
        for item in items:
            self.step()
            yield item

    def concat(self, *parts: Any) -> str:
        """The ``~`` of Jinja, counted."""
        texts = [str(part) for part in parts]
        self.write(sum(map(len, texts)))
        return "".join(texts)


def _budget(context: Context) -> Budget:
    budget = context.parent["_budget"]
    assert isinstance(budget, Budget)
    return budget


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja with whitelisted filters and methods and a Budget in every render."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters["replace"] = _bounded_replace(self.filters["replace"])
        self.filters["join"] = _bounded_join(self.filters["join"])
        self.globals = {"range": self.globals["range"], "namespace": self.globals["namespace"]}

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, ``range``, ``namespace``, the loop's own functions and plain methods of text, lists and mappings."""
        if isinstance(obj, Macro) or obj in self.globals.values():
            return True
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, (LoopContext, Budget)):
            return True
        return any(isinstance(owner, kind) and obj.__name__ in names for kind, names in _METHODS.items())

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Calls what may be called, counted."""
        _budget(context).step()
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Sums, products and powers whose result stays small."""
        if operator == "%" and isinstance(left, str):
            raise TooMuchWork("'%' does not format text in a template; use '~' to join texts")
        if operator == "**" and (abs(left) > 1_000 or abs(right) > 10):
            raise TooMuchWork(f"{left} ** {right} is too large for a template")
        if operator == "*":
            _check_product(left, right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _budget(context).concat(left, right)
        return super().call_binop(context, operator, left, right)


def _check_product(left: Any, right: Any) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, (str, list, tuple)) and isinstance(times, int) and len(value) * times > 1_000_000:
            raise TooMuchWork(f"a product of {len(value) * times:,} characters is too large for a template")
        if isinstance(value, (int, float)) and abs(value) > MAX_NUMBER:
            raise TooMuchWork("a number is too large for a template")


def _bounded_replace(replace: Callable[..., Any]) -> Callable[..., Any]:
    from jinja2 import pass_eval_context

    @pass_eval_context
    def bounded(eval_context: Any, text: Any, old: str, new: str, count: int | None = None) -> Any:
        times = str(text).count(old) if old else len(str(text)) + 1
        if len(str(text)) + times * len(new) > MAX_CHARACTERS:
            raise TooMuchWork("replace builds too long a text")
        return replace(eval_context, text, old, new, count)

    return bounded


def _bounded_join(join: Callable[..., Any]) -> Callable[..., Any]:
    from jinja2 import pass_eval_context

    @pass_eval_context
    def bounded(eval_context: Any, value: Any, d: str = "", attribute: Any = None) -> Any:
        items = list(value)
        if sum(len(item) if isinstance(item, str) else 32 for item in items) + len(items) * len(d) > MAX_CHARACTERS:
            raise TooMuchWork("join builds too long a text")
        return join(eval_context, items, d, attribute)

    return bounded


def with_budget(template: nodes.Template) -> nodes.Template:
    """The syntax tree with every loop and every ``~`` counted against the render's Budget."""
    for loop in template.find_all(nodes.For):
        loop.iter = _call("_each", [loop.iter], loop.lineno)
    return _replace_concat(template)


def _replace_concat(node: Any) -> Any:
    for name, value in list(node.iter_fields()):
        if isinstance(value, list):
            setattr(node, name, [_replace_concat(item) if isinstance(item, nodes.Node) else item for item in value])
        elif isinstance(value, nodes.Node):
            setattr(node, name, _replace_concat(value))
    return _call("_concat", node.nodes, node.lineno) if isinstance(node, nodes.Concat) else node


def _call(name: str, arguments: list[Any], line: int) -> nodes.Call:
    return nodes.Call(nodes.Name(name, "load", lineno=line), arguments, [], None, None, lineno=line)


def render_variables(variables: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    """The variables of a render, with the hidden functions that count its work."""
    return {**variables, "_budget": budget, "_each": budget.each, "_concat": budget.concat}


def environment() -> Environment:
    """The one environment that all templates share."""
    return TemplateEnvironment()
