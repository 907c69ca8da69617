"""A Rule looks at one kind of subject for one kind of mistake; its code never changes its meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from promptsci.author.check.findings import Finding, Hit, Severity

S = TypeVar("S")


@dataclass(frozen=True)
class Code:
    """A code of a finding: PS0xx files, 1xx templates, 2xx choices, 3xx tokens, 4xx data, 5xx tasks."""

    code: str
    severity: Severity
    title: str


@dataclass(frozen=True)
class Rule(Generic[S]):
    """One mistake to look for, and how to find it in a subject S."""

    code: Code
    look: Callable[[S], Iterable[Hit]]

    def findings(self, subject: S) -> Iterator[Finding]:
        """Yields what is found in the subject."""
        for hit in self.look(subject):
            yield Finding(hit.place, self.code.code, self.code.severity, hit.what, hit.fix)


def rule(code: str, severity: Severity, title: str) -> Callable[[Callable[[S], Iterable[Hit]]], Rule[S]]:
    """Makes a Rule of the function that looks; its docstring says why the mistake matters."""
    return lambda look: Rule(Code(code, severity, title), look)


def rules_of(module: dict[str, Any]) -> tuple[Rule[Any], ...]:
    """The rules among a module's globals, in the order in which they stand there."""
    return tuple(value for value in module.values() if isinstance(value, Rule))
