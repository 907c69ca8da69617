"""The prompts of a run without the run: what ``show`` looks at, made by the parts that ``run`` is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from promptsci.data import Dataset, Example
from promptsci.data.example import split_name
from promptsci.errors import PromptsciError, did_you_mean, raise_all
from promptsci.lm import Reader
from promptsci.pipeline.prepare import Attempts, fitting_template
from promptsci.pipeline.rows import pool_name, read_data
from promptsci.pipeline.settings import Settings
from promptsci.prompt import Assembler, Chooser, Encoder, Pool, Questioner, chooser
from promptsci.spec import Catalog


@dataclass(frozen=True)
class Preview:
    """The prompts that a run with these settings would ask.

    Attributes:
        settings: with split and pool by their one name, and the way shots are chosen spelled out.
        rows: the split's rows, labelled or not.
        reader: the model's reading half; None where no tokenizer is at hand.
        encoder: makes token ids; None where no tokenizer is at hand.
        notes: what the result must say of the data.
    """

    settings: Settings
    assembler: Assembler
    dataset: Dataset
    rows: tuple[Example, ...]
    pool: Pool
    reader: Reader | None
    encoder: Encoder | None
    notes: tuple[str, ...]

    def chooser(self, k: int) -> Chooser:
        """How k shots are chosen.

        Raises:
            PromptError: the pool has too few examples.
        """
        settings = self.settings
        return chooser(str(settings.choose), self.pool, k, settings.seed, self.assembler.task)

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


def preview(settings: Settings, catalog: Catalog, find: Callable[[], Reader | None]) -> Preview:
    """The Preview of a run; no weights are read.

    Args:
        settings: as of the run.
        catalog: where task and template are found.
        find: gives the model's reading half.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    task = catalog.task(settings.task)
    pool, rule = pool_name(settings, task), settings.choose or task.shots.choose
    settings = replace(settings, split=split_name(settings.split), pool=settings.pool and pool, choose=rule)
    attempt, notes = Attempts(), list[str]()
    template = attempt(lambda: fitting_template(settings, catalog, task))
    dataset = attempt(lambda: read_data(settings, task, notes))
    reader = attempt(find)
    encoder = attempt(lambda: Encoder(reader.tokenizer, reader.format(settings.format))) if reader else None
    shown = dataset.splits[pool].examples if dataset and pool in dataset.splits else ()
    made = Pool(shown, task.labels)
    if dataset:
        attempt(lambda: chooser(rule, made, settings.shots, settings.seed, task))
    raise_all(attempt.problems)
    assert template is not None
    assert dataset is not None
    return Preview(
        settings=settings,
        assembler=Assembler(task, template),
        dataset=dataset,
        rows=dataset.split(settings.split).examples,
        pool=made,
        reader=reader,
        encoder=encoder,
        notes=tuple(notes),
    )


def pick_rows(preview: Preview, n: int, row: str | None) -> tuple[Example, ...]:
    """The rows to show: the one of an id, or the first n.

    Raises:
        PromptsciError: no row has the id; the nearest is given.
    """
    if row is None:
        return preview.rows[:n]
    found = tuple(example for example in preview.rows if example.id == row)
    if not found:
        what = f"no row of {preview.settings.split} has the id '{row}'"
        raise PromptsciError(what, fix=did_you_mean(row, [example.id for example in preview.rows[:1000]]))
    return found
