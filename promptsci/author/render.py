"""Prompts of a task without a model: of its bundled rows, or of made-up ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from promptsci.author.made_up import made_up_pool, made_up_query
from promptsci.data import Example, read_dataset
from promptsci.prompt import Assembler, Pool, Prompt, chooser
from promptsci.spec import Task, Template, check_fit

SEEDED = ("balanced", "random", "first")
"""Rules whose shots any query can have: a golden render uses the task's own rule if it is one of them."""


class Rendered(NamedTuple):
    """A prompt, and the answers to it: its choices, or the right one where the answer is written."""

    prompt: Prompt
    answers: tuple[str, ...]


class Renderer:
    """Prompts of one task, from its bundled rows, or from made-up ones where its data lie elsewhere."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @cached_property
    def source(self) -> str | None:
        """The task's source that lies in files and has test rows and shots."""
        for name, source in self.task.data.items():
            if source.files and {"test", self.task.shots.from_} <= set(source.files):
                return name
        return None

    @cached_property
    def rows(self) -> tuple[Sequence[Example], Example]:
        """A pool of shots, and a query."""
        if self.source is None:
            return made_up_pool(self.task), made_up_query(self.task)
        from_ = self.task.shots.from_
        dataset = read_dataset(self.task, self.source, needed=[from_, "test"])
        return dataset.split(from_).examples, dataset.split("test").examples[0]

    def render(self, template: Template, n_shots: int, query: Example | None = None) -> Rendered:
        """The prompt that asks about a row, the first of test when None, behind shots chosen with seed 0.

        Raises:
            PromptsciError: the template does not fit the task, or cannot be rendered.
        """
        check_fit(template, self.task)
        pool, first = self.rows
        asked = query or first
        rule = self.task.shots.choose if self.task.shots.choose in SEEDED else "random"
        shots = chooser(rule, Pool(pool, self.task.labels), n_shots, 0, self.task).shots(asked)
        assembler = Assembler(self.task, template)
        prompt = assembler.prompt(asked, shots)
        is_written = not prompt.choices and asked.gold is not None
        return Rendered(prompt, (assembler.target(asked),) if is_written else prompt.choices)
