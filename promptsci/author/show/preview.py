"""The prompts that a run would ask, without the run: made by the parts that a run is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promptsci.author.asked import Asked
from promptsci.data import Dataset, Example, read_dataset
from promptsci.data.example import split_name
from promptsci.errors import Attempts, PromptsciError, did_you_mean, raise_all
from promptsci.lm import Reader
from promptsci.prompt import Assembler, Chooser, Encoder, Pool, Questioner, chooser
from promptsci.spec import Catalog, fitting_template


@dataclass(frozen=True)
class Preview:
    """The prompts of a split, and what makes them.

    Attributes:
        asked: which prompts.
        rows: the split's rows, labelled or not.
        reader: the model's reading half; None where no tokenizer is at hand.
        encoder: makes token ids; None where no tokenizer is at hand.
    """

    asked: Asked
    assembler: Assembler
    dataset: Dataset
    rows: tuple[Example, ...]
    pool: Pool
    reader: Reader | None
    encoder: Encoder | None

    def chooser(self, k: int) -> Chooser:
        """How k shots are chosen.

        Raises:
            PromptError: the pool has too few examples.
        """
        task = self.assembler.task
        return chooser(self.asked.rule(task), self.pool, k, self.asked.seed, task)

    def questioner(self, k: int) -> Questioner | None:
        """Who makes the questions with k shots; None where no tokenizer is at hand.

        Raises:
            PromptError: the pool has too few examples.
            ModelError: the model's config.json cannot be read.
        """
        if self.encoder is None or self.reader is None:
            return None
        return Questioner(self.assembler, self.encoder, self.chooser(k), self.reader.context, self.room)

    @property
    def room(self) -> int:
        """Tokens kept for a written answer; 0 where choices are scored."""
        template = self.assembler.template
        return template.front.max_tokens if template.writes(self.assembler.task) else 0


def preview(asked: Asked, catalog: Catalog, find: Callable[[], Reader | None]) -> Preview:
    """The Preview of the prompts asked for; no weights are read.

    Args:
        asked: which prompts.
        catalog: where task and template are found.
        find: gives the model's reading half.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    task = catalog.task(asked.task)
    split, pool = split_name(asked.split), asked.pool_name(task)
    attempt = Attempts()
    template = attempt(lambda: fitting_template(asked.template, catalog, task))
    needed = [split, *([pool] if asked.shots else [])]
    dataset = attempt(lambda: read_dataset(task, asked.data, needed=needed, if_there=[pool]))
    reader = attempt(find)
    encoder = attempt(lambda: Encoder(reader.tokenizer, reader.format(asked.format))) if reader else None
    shown = dataset.splits[pool].examples if dataset and pool in dataset.splits else ()
    made = Pool(shown, task.labels)
    if dataset:
        attempt(lambda: chooser(asked.rule(task), made, asked.shots, asked.seed, task))
    raise_all(attempt.problems)
    assert template is not None
    assert dataset is not None
    return Preview(asked, Assembler(task, template), dataset, dataset.split(split).examples, made, reader, encoder)


def pick_rows(found: Preview, n: int, row: str | None) -> tuple[Example, ...]:
    """The rows to show: the one of an id, or the first n.

    Raises:
        PromptsciError: no row has the id; the nearest is given.
    """
    if row is None:
        return found.rows[:n]
    picked = tuple(example for example in found.rows if example.id == row)
    if not picked:
        what = f"no row of {split_name(found.asked.split)} has the id '{row}'"
        raise PromptsciError(what, fix=did_you_mean(row, [example.id for example in found.rows[:1000]]))
    return picked
