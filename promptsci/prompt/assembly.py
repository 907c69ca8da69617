"""The one place where instruction, shots and query become text: plain, or chat turns.

Plain: the parts are joined by a blank line, and the single space between an input and its answer belongs to the answer. Chat: the
instruction is the system turn, each input a user turn, each target an assistant turn. ``chat-one-turn`` puts the whole plain
prompt into one user turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from promptsci.data import Example
from promptsci.spec import Task, Template

Format = Literal["plain", "chat", "chat-one-turn"]
FORMATS: tuple[Format, ...] = ("plain", "chat", "chat-one-turn")
Role = Literal["system", "user", "assistant"]
GAP = "\n\n"


@dataclass(frozen=True, slots=True)
class Shot:
    """One rendered demonstration: what is shown, and its answer."""

    input: str
    target: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads before it answers, in parts, and the words of each choice in the order of the task's labels."""

    instruction: str
    shots: tuple[Shot, ...]
    query: str
    choices: tuple[str, ...]

    def with_shots(self, shots: Sequence[Shot]) -> Prompt:
        """The same question behind other shots."""
        return replace(self, shots=tuple(shots))

    def plain(self) -> str:
        """The prompt as one text, ending where the answer's space begins."""
        shots = [f"{shot.input} {shot.target}" if shot.input else shot.target for shot in self.shots]
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
    """Renders a Task's examples with one Template, each example once."""

    def __init__(self, task: Task, template: Template) -> None:
        self.task = task
        self.template = template
        self.words = template.words(task.labels)
        self._choices = list(self.words.values())
        self.instruction = template.render("instruction", {"choices": self._choices})
        self._shots: dict[str, Shot] = {}

    def query(self, example: Example) -> str:
        """The input block of an example."""
        return self.template.render("input", self._variables(example.fields))

    def target(self, example: Example) -> str:
        """The answer of a labelled example, as the template says it."""
        assert example.gold is not None, "only labelled examples have a target"
        return self._target(example, self.words[example.gold])

    def _target(self, example: Example, words: str) -> str:
        return self.template.render("target", {**self._variables(example.fields), "choice": words})

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
        choices = tuple(self._target(example, words) for words in self._choices)
        return Prompt(self.instruction, tuple(self.shot(shot) for shot in shots), self.query(example), choices)

    def _variables(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**fields, "choices": self._choices}


CONTENT_FREE = ("N/A", "", "[MASK]")
"""The three content-free inputs of Zhao et al. 2021, section 4."""


def content_free(example: Example, filling: str) -> Example:
    """The example with every text field replaced by a content-free filling; numbers and lists stay, as templates count on them."""
    fields = {name: filling if isinstance(value, str) else value for name, value in example.fields.items()}
    return replace(example, fields=fields, gold=None)
