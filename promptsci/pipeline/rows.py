"""The rows of a run: which splits are read, which rows are scored."""

from __future__ import annotations

from typing import Protocol

from promptsci.data import Dataset, Example, read_dataset, stratified
from promptsci.data.example import split_name
from promptsci.errors import DataError, PromptsciError
from promptsci.pipeline.settings import Settings
from promptsci.spec import Task

SAMPLE_SEED = 0
"""Of the rows that ``limit`` takes: runs that differ in their seed are compared on the same rows."""


def pool_name(settings: Settings, task: Task) -> str:
    """The split that shots come from, by its one name."""
    return split_name(settings.pool or task.shots.from_)


def read_data(settings: Settings, task: Task, notes: list[str]) -> Dataset:
    """The split to score, the pool of shots, and train as far as it is there: leaks and the majority row need it."""
    pool = pool_name(settings, task)
    needed = dict.fromkeys([settings.split, *([pool] if settings.shots else [])])
    dataset = read_dataset(task, settings.data, needed=list(needed))
    if "train" in needed and pool in needed:
        return dataset
    try:
        return read_dataset(task, settings.data, needed=[*needed, *{"train": None, pool: None}])
    except PromptsciError as error:  # a zero-shot run needs no train
        first = error.text().splitlines()[0]
        notes.append(f"rows of {settings.split} that also stand in train are not known: {first}")
        return dataset


class Sampled(Protocol):
    """Settings that say which rows are scored."""

    @property
    def split(self) -> str:
        """The split that is scored."""
        ...

    @property
    def limit(self) -> int | None:
        """Rows to score, a stratified sample; None is all."""
        ...


def examples_to_score(
    settings: Sampled, dataset: Dataset, form: str, *, unlabelled: bool = False
) -> tuple[Example, ...]:
    """The rows to score.

    Raises:
        DataError: none of them is labelled, so there would be nothing to score against, unless ``unlabelled`` will do.
    """
    split = dataset.split(settings.split)
    rows = split.examples
    examples = tuple(stratified(rows, settings.limit, SAMPLE_SEED) if settings.limit is not None else rows)
    if not unlabelled and not any(example.gold is not None for example in examples):
        raise DataError(
            f"none of the {len(examples)} rows has a label, so there is nothing to score against",
            where=split.origin,
            fix=f"Name the column that has it in task.yaml ({form}: column), or give labelled rows as data=PATH.",
        )
    return examples
