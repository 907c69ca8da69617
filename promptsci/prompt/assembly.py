"""The one place where instruction, shots and query become text: plain, or chat turns.

Plain: the parts are joined by a blank line, and the single space between an input and its answer belongs to the answer.
Chat: the instruction is the system turn, each input a user turn, each target an assistant turn. ``chat-one-turn`` puts
the whole plain prompt into one user turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from promptsci.data import Example, Gold
from promptsci.errors import PromptError
from promptsci.prompt.answers import answers_of
from promptsci.spec import Task, Template

Format = Literal["plain", "chat", "chat-one-turn"]
FORMATS: tuple[Format, ...] = ("plain", "chat", "chat-one-turn")
Role = Literal["system", "user", "assistant"]
GAP = "\n\n"
"""Between the parts of a plain prompt."""
ANSWER_SPACE = " "
"""Between an input and its answer in a plain prompt."""


class Shot(NamedTuple):
    """One rendered demonstration: what is shown, and its answer."""

    input: str
    target: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads before it answers, in parts, and the words of each choice; none where it writes the answer.

    Choices stand in the order of the task's labels, or of the row's options.
    """

    instruction: str
    shots: tuple[Shot, ...]
    query: str
    choices: tuple[str, ...]

    def with_shots(self, shots: Sequence[Shot]) -> Prompt:
        """The same question behind other shots."""
        return replace(self, shots=tuple(shots))

    def parts(self) -> Iterator[str]:
        """Yields what task and data say: the instruction, each shot's input and target, the query."""
        yield self.instruction
        for shot in self.shots:
            yield from shot
        yield self.query

    def plain(self) -> str:
        """The prompt as one text, ending where the answer's space begins."""
        shots = [f"{shot.input}{ANSWER_SPACE}{shot.target}" if shot.input else shot.target for shot in self.shots]
        return GAP.join(part for part in (self.instruction, *shots, self.query) if part)

    def turns(self) -> list[tuple[Role, str]]:
        """The prompt as chat turns; the last is the user's."""
        turns: list[tuple[Role, str]] = [("system", self.instruction)] if self.instruction else []
        for shot in self.shots:
            turns += [("user", shot.input), ("assistant", shot.target)]
        return [*turns, ("user", self.query)]

    def one_turn(self) -> list[tuple[Role, str]]:
        """The whole plain prompt as one user turn."""
        return [("user", self.plain())]


class Assembler:
    """Renders a Task's examples with one Template; what many prompts share is rendered once."""

    def __init__(self, task: Task, template: Template) -> None:
        self.task = task
        self.template = template
        self.words = template.words(task.labels)
        self.answers = answers_of(task, template)
        self.instruction = template.render("instruction", self.answers.shown)
        self._shots: dict[str, Shot] = {}
        self._targets_differ = not self.answers.same or bool(template.variables("target") & set(task.variables))
        self._targets: tuple[str, ...] | None = None
        self._content_free: dict[tuple[str, ...], str] = {}

    def query(self, example: Example) -> str:
        """The input block of an example.

        Raises:
            PromptError: the block cannot be rendered with the example's values (file:line), or writes nothing.
        """
        text = self._input(example)
        if not text:
            what = f"the input block writes nothing for example {example.id}"
            raise PromptError(what, where=str(self.template.path), fix="Leave the row out, or let the block say more.")
        return text

    def _input(self, example: Example) -> str:
        return self.template.render("input", self._variables(example))

    def content_free_query(self, example: Example, filling: str) -> str:
        """The input block of an example with a content-free filling; it may be empty."""
        bare = content_free(example, filling)
        if not all(isinstance(value, str) for value in bare.fields.values()):
            return self._input(bare)
        key = (filling, *bare.fields)
        if key not in self._content_free:
            self._content_free[key] = self._input(bare)
        return self._content_free[key]

    def target(self, example: Example) -> str:
        """The answer of a labelled example, as the template says it.

        Raises:
            PromptError: the answer is empty.
        """
        right = self.right(example)
        if right:
            targets = self.targets(example)
            return "\n".join(targets[place] for place in right)
        assert self.answers.written is not None, "an answer is chosen or written"
        assert example.gold is not None, "only labelled examples have a target"
        text = self._target(example, {"answer": self.answers.written.write(example)})
        _check_targets([text], self.template)
        return text

    def right(self, example: Example) -> tuple[int, ...]:
        """Numbers of the right choices of a labelled example, one of each group; none where the answer is written."""
        names = self.names(example)
        return tuple(names.index(name) for name in self.answers.right(example))

    def targets(self, example: Example) -> tuple[str, ...]:
        """The answer that each choice would be, in their order; none where the answer is written.

        Raises:
            PromptError: an answer is empty, or two choices have the same.
        """
        if self._targets is None or self._targets_differ:
            choices = self.answers.choices(example).values()
            self._targets = tuple(self._target(example, choice) for choice in choices)
            _check_targets(self._targets, self.template)
        return self._targets

    def names(self, example: Example) -> tuple[str, ...]:
        """The names of the choices whose words are the targets, in their order."""
        return tuple(self.answers.choices(example))

    def read(self, text: str, example: Example) -> Gold | None:
        """The answer in a text that was written for an example; None where it holds none that is valid."""
        assert self.answers.written is not None, "only written answers are read"
        before, after = self._frame
        text = text.strip().removeprefix(before)
        return self.answers.written.read(text.partition(after)[0] if after else text, example)

    @cached_property
    def _frame(self) -> tuple[str, str]:
        """What the target block puts before and behind every answer; nothing where it depends on the row."""
        if self._targets_differ:
            return "", ""
        before, _, after = self.template.render("target", {**self.answers.shown, "answer": _MARK}).partition(_MARK)
        return before.strip(), after.strip()

    def _target(self, example: Example, answer: Mapping[str, Any]) -> str:
        return self.template.render("target", {**self._variables(example), **answer})

    def shot(self, example: Example) -> Shot:
        """A labelled example as a demonstration."""
        found = self._shots.get(example.id)
        if found is None:
            found = self._shots[example.id] = Shot(self.query(example), self.target(example))
        return found

    def prompt(self, example: Example, shots: Sequence[Example] = ()) -> Prompt:
        """The prompt that asks about an example, behind its shots.

        Raises:
            PromptError: the template cannot be rendered with the example's values (file:line).
        """
        return Prompt(
            self.instruction, tuple(self.shot(shot) for shot in shots), self.query(example), self.targets(example)
        )

    def _variables(self, example: Example) -> dict[str, Any]:
        return {**example.fields, **self.answers.shown, **self.answers.row(example)}


_MARK = "\ue000"  # of the private use area: no template writes it


def _check_targets(targets: Sequence[str], template: Template) -> None:
    where = str(template.path)
    if not all(targets):
        fix = "Write the answer there: {{ choice }} or {{ answer }}."
        raise PromptError("the target block writes nothing", where=where, fix=fix, code="PS209")
    if len(set(targets)) < len(targets):
        twice = next(target for target in targets if targets.count(target) > 1)
        raise PromptError(f"the target block writes '{twice}' for two labels", where=where, code="PS209")


CONTENT_FREE = ("N/A", "", "[MASK]")
"""The three content-free inputs of Zhao et al. 2021, section 4."""


def content_free(example: Example, filling: str) -> Example:
    """The example with a content-free filling in every text field; numbers and lists stay, templates count on them."""
    fields = {name: filling if isinstance(value, str) else value for name, value in example.fields.items()}
    return replace(example, fields=fields, gold=None)
