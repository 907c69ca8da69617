"""Every error a user of promptsci can meet.

    PromptsciError            the base; shown without a traceback, exit code 1
    ├── SpecError             task.yaml or a template is wrong (file:line)
    ├── DataError             rows cannot be read, or do not fit the task
    ├── PromptError           a prompt cannot be built, or does not fit the context
    ├── ModelError            a model cannot be found, fetched or loaded
    ├── TuneError             a model cannot be tuned in the way asked for
    ├── RunError              a Run folder cannot be written, read or resumed
    ├── Problems              several of the above, shown together
    └── Interrupted           stopped half way; the same command goes on (exit code 3)

An error says what is wrong, where (file:line), and what to type next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class PromptsciError(Exception):
    """What went wrong, where, and what to do about it.

    Args:
        what: one sentence about the input, naming the offending value.
        where: ``file`` or ``file:line`` or ``file:line:column``.
        fix: what to type or change next.
        code: under which ``promptsci check`` files it (docs/check.md).
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None, code: str | None = None) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        self.code = code
        super().__init__(self.text())

    def text(self) -> str:
        """The message as a person reads it: ``where: what``, then the fix on a line of its own."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}\n  {self.fix}" if self.fix else line


class SpecError(PromptsciError):
    """A task.yaml or a template says something that cannot be meant."""


class DataError(PromptsciError):
    """Rows cannot be read, or do not fit the task."""


class PromptError(PromptsciError):
    """A prompt cannot be built from an example, or does not fit the model's context."""


class ModelError(PromptsciError):
    """A model cannot be found, fetched, checked or loaded."""


class TuneError(PromptsciError):
    """A model cannot be tuned in the way asked for."""


class RunError(PromptsciError):
    """A Run folder cannot be written, read or resumed."""


class Interrupted(PromptsciError):
    """The work stopped half way and what was done is kept; the same command goes on."""

    exit_code = 3


class Problems(PromptsciError):
    """Several errors found in one look, so that they can be mended in one go."""

    def __init__(self, problems: Sequence[PromptsciError]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.text() for problem in self.problems))


def singles(error: PromptsciError) -> tuple[PromptsciError, ...]:
    """The error itself, or the several that it stands for."""
    return error.problems if isinstance(error, Problems) else (error,)


@contextmanager
def coded(code: str) -> Iterator[None]:
    """Gives this code to every error that is raised inside and has none; also a decorator."""
    try:
        yield
    except PromptsciError as error:
        for one in singles(error):
            one.code = one.code or code
        raise


def raise_all(problems: Sequence[PromptsciError]) -> None:
    """Nothing when there are no problems; otherwise raises the one, or all of them together."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


class Attempts:
    """Runs steps that do not need each other, so that all their problems are found in one go."""

    def __init__(self) -> None:
        self.problems: list[PromptsciError] = []

    def __call__(self, step: Callable[[], T]) -> T | None:
        """What the step gives, or None when it has a problem."""
        try:
            return step()
        except PromptsciError as error:
            self.problems += singles(error)
        return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?`` with the nearest known spelling, or all that is known when nothing is near."""
    import difflib

    names = sorted(set(known))
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{next(name for name in names if name.lower() == near[0])}'?"
    return f"Known: {', '.join(names)}." if names else ""
