"""What one render may do: every turn, call, item and character a template asks for is paid from a Budget.

The limits count work, not time, so a template that passes on one machine passes on all. They are some thousand times
what a prompt needs and are spent within a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import TemplateRuntimeError, Undefined
from jinja2.runtime import LoopContext, Macro
from jinja2.utils import Namespace

# In characters: what an item of a list, and a loop turn or call, cost in time as measured against copying text.
ITEM = 32
STEP = 160
MAX_CHARACTERS = 16_000_000
MAX_STEPS = MAX_CHARACTERS // STEP
MAX_NUMBER = 10**30

_KINDS: tuple[tuple[type, str], ...] = (
    (Namespace, "a namespace"),
    (Macro, "a macro without ()"),
    (LoopContext, "the loop"),
    (Iterator, "a sequence that is not a list (put '| list' or '| join' behind it)"),
)


class TooMuchWork(TemplateRuntimeError):
    """A template asked for more work or text than a prompt can need."""


class Budget:
    """What one render may still do, in characters."""

    def __init__(self) -> None:
        self.left = MAX_CHARACTERS

    def spend(self, characters: int) -> None:
        """Pays for work.

        Raises:
            TooMuchWork: nothing is left.
        """
        self.left -= characters
        if self.left < 0:
            raise TooMuchWork(
                f"it needs more work than {MAX_STEPS:,} loop turns or {MAX_CHARACTERS:,} characters of text"
            )

    def each(self, items: Iterable[Any], cost: int = ITEM) -> Iterator[Any]:
        """The items, each paid for."""
        for item in items:
            self.spend(cost)
            yield item

    def each_text(self, texts: Iterable[str]) -> Iterator[str]:
        """The texts, each paid for."""
        for text in texts:
            self.spend(len(text))
            yield text

    def weigh(self, value: Any) -> Any:
        """The value itself, after paying for all that a comparison, a copy or a hash of it would touch.

        A list may hold another many times over, and so be far larger than the memory it takes.
        """
        stack = [value]
        while stack:
            self._open(stack.pop(), stack)
        return value

    def text(self, value: Any) -> str:
        """The value as a template shows it, paid for.

        Raises:
            TemplateRuntimeError: the value is not text, a number, or a list or mapping of them. What Python would show
                of other things holds memory addresses, which differ from run to run.
        """
        stack = [value]
        while stack:
            part = stack.pop()
            self._open(part, stack)
            if isinstance(part, Undefined):
                str(part)  # raises, naming what is not defined
            elif part is not None and not isinstance(part, (str, int, float, list, tuple, dict)):
                raise TemplateRuntimeError(f"{_kind(part)} cannot be shown as text")
        return str(value)

    def _open(self, value: Any, stack: list[Any]) -> None:
        """Pays for a value and puts what it holds on the stack."""
        if isinstance(value, str):
            self.spend(len(value) + ITEM)
            return
        if isinstance(value, (list, tuple)):
            self.spend(ITEM * len(value))
            stack += value
        elif isinstance(value, dict):
            self.spend(ITEM * len(value))
            stack += [*value.keys(), *value.values()]
        elif isinstance(value, range):
            self.spend(ITEM * len(value))
        else:
            _check_number(value)
        self.spend(ITEM)


def _check_number(value: Any) -> None:
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise TooMuchWork("a number is too large for a template")


def _kind(value: Any) -> str:
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return f"a {type(value).__name__}"


_current: ContextVar[Budget] = ContextVar("budget")


def budget() -> Budget:
    """The Budget of the render that is going on."""
    return _current.get()


@contextmanager
def new_budget() -> Iterator[Budget]:
    """A render's Budget, in force inside the with-block."""
    token = _current.set(Budget())
    try:
        yield _current.get()
    finally:
        _current.reset(token)
