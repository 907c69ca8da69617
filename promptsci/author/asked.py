"""Which prompts of a task are asked for: to be shown, or to be written for another tool."""

from __future__ import annotations

from dataclasses import dataclass

from promptsci.data.example import split_name
from promptsci.prompt import Format
from promptsci.spec import Task


@dataclass(frozen=True)
class Asked:
    """The prompts that are asked for; None stands for what the task or the model says.

    Attributes:
        task: name or path.
        template: wording, ``folder/wording`` or path.
        data: source of the task, path, URL or Hub id.
        split: the rows that are asked about.
        shots: how many demonstrations.
        choose: how they are chosen.
        pool: the split they come from.
        seed: of shots.
        limit: rows of the split, a stratified sample.
        format: plain, chat or chat-one-turn.
    """

    task: str
    template: str | None = None
    data: str | None = None
    split: str = "test"
    shots: int = 0
    choose: str | None = None
    pool: str | None = None
    seed: int = 0
    limit: int | None = None
    format: Format | None = None

    def pool_name(self, task: Task) -> str:
        """The split that shots come from, by its one name."""
        return split_name(self.pool or task.shots.from_)

    def rule(self, task: Task) -> str:
        """How shots are chosen."""
        return self.choose or task.shots.choose
