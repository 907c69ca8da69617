"""From settings to a method that can label rows, with the labelled rows that say how far to trust it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from promptsci.data import read_dataset
from promptsci.data.example import split_name
from promptsci.errors import RunError, SpecError
from promptsci.lm import Progress
from promptsci.pipeline.classifier import ClassifierSettings, classifier_named, prepare_classifier
from promptsci.pipeline.predict.methods import LearnedMethod, PromptMethod
from promptsci.pipeline.prepare import prepare
from promptsci.pipeline.run import LMs
from promptsci.pipeline.settings import Settings
from promptsci.pipeline.tune_head import HeadSettings, prepare_head
from promptsci.runs import RunFolder
from promptsci.spec import Catalog, Task
from promptsci.tune.classifier import Lessons
from promptsci.tune.head import Head, TrainedHead

ORDER = ("validation", "test", "train")


def prompt_method(settings: Settings, catalog: Catalog, lms: LMs, progress: Progress | None = None) -> PromptMethod:
    """A prompted model whose answers on ``settings.split`` calibrate, where the labelled data has that split.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    task = catalog.task(settings.task)
    split, is_known = _known(task, settings.data, settings.split)
    unlabelled = replace(settings, split=split, unlabelled=not is_known, limit=settings.limit if is_known else 1)
    prepared = prepare(unlabelled, catalog, progress)
    return PromptMethod(prepared, lms, prepared.split if is_known else None)


def learned_method(settings: ClassifierSettings, catalog: Catalog, home: Path) -> LearnedMethod:
    """A classifier fitted without a look at ``settings.split``, whose rows calibrate it.

    Raises:
        PromptsciError: something is wrong with what is asked.
    """
    task = catalog.task(settings.task)
    split, is_known = _known(task, settings.data, settings.split)
    classifier = classifier_named(settings.method, task)
    prepared = prepare_classifier(replace(settings, split=split), catalog, classifier)
    return LearnedMethod(prepared, home, prepared.split if is_known else None)


def head_method(run: RunFolder, catalog: Catalog, changes: dict[str, Any], home: Path) -> LearnedMethod:
    """The head that a Run trained, read from its folder.

    Args:
        run: a Run of ``tune --head``.
        catalog: where task and template are looked for before the places where the Run found them.
        changes: of the stored settings: ``split``, ``data``, ``limit``.
        home: a folder for what must be kept.

    Raises:
        RunError: the Run trained no head.
        PromptsciError: its task, data or body are no longer there.
    """
    record = run.read_run()
    head = run.path / "model" / "head.json"
    if record.get("method") != "head" or not head.is_file():
        fix = "Name a run of promptsci tune --head, as promptsci runs lists it."
        raise RunError("this run trained no head", where=str(run.path), fix=fix)
    stored = HeadSettings(**record["settings"])
    roots = (*catalog.roots, *(Path(root) for root in record["catalog"]))
    task = Catalog(roots).task(stored.task)
    asked = replace(stored, **{name: value for name, value in changes.items() if value is not None})
    split, is_known = _known(task, asked.data, asked.split)
    prepared = prepare_head(replace(asked, split=split), Catalog(roots), lambda _line: None)
    assert isinstance(prepared.classifier, Head)
    kept = KeptHead(prepared.classifier, run.path, hashlib.sha256(head.read_bytes()).hexdigest())
    remarks: tuple[str, ...] = ()
    if record["training"].get("validated_on") == split:
        remarks = (
            f"{split} also chose when the training of this head ended, so that what it teaches is a little mild",
        )
    notes = tuple(note for note in prepared.notes if not note.startswith("settings are chosen on"))
    return LearnedMethod(replace(prepared, classifier=kept, notes=notes), home, split if is_known else None, remarks)


class KeptHead:
    """A head that was trained elsewhere: fitting it is reading it.

    Args:
        head: as it was trained.
        trained_in: the folder of the Run that trained it.
        sha256: of what was noted of the training.
    """

    name = "head"
    chooses = True

    def __init__(self, head: Head, trained_in: Path, sha256: str) -> None:
        self.head = head
        self.forms = head.forms
        self.trained_in = trained_in
        self.sha256 = sha256

    def identity(self) -> dict[str, Any]:
        """What it was trained with, and which training it was."""
        return {**self.head.identity(), "trained": self.sha256}

    def fit(self, lessons: Lessons, home: Path) -> TrainedHead:  # noqa: ARG002 - the protocol's shape
        """The head as it stands in its Run."""
        return self.head.fit(lessons, self.trained_in)


def _known(task: Task, labelled: str | None, wanted: str) -> tuple[str, bool]:
    """A split of the labelled data, and whether it is the wanted one and has labels to calibrate by.

    Raises:
        SpecError: the task is a ranking.
        DataError: the labelled data cannot be read.
    """
    if task.form == "relevance":
        raise SpecError(
            f"task {task.name} is a ranking: a pair of query and document is no row that can be labelled by itself",
            fix="Score its pairs with: promptsci run task=" + task.name,
        )
    splits = read_dataset(task, labelled).splits
    name = split_name(wanted)
    if name in splits and any(example.gold is not None for example in splits[name].examples):
        return name, True
    return next(each for each in (*ORDER, *splits) if each in splits), False
