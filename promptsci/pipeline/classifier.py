"""From settings to lessons: what a method that reads no prompt learns from, and the rows it is then scored on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from promptsci.data import Dataset, Example, Integrity, carve, integrity, read_dataset, seen_ids, stratified
from promptsci.data.example import split_name
from promptsci.errors import Attempts, DataError, SpecError, did_you_mean, raise_all
from promptsci.lm import ModelFolder
from promptsci.pipeline.identity import asked, hashed, used
from promptsci.pipeline.rows import examples_to_score
from promptsci.score import GENERATED, Facts, Metric, facts_of, form_metric, usual_rule
from promptsci.spec import Catalog, Task, Template
from promptsci.tune import BagOfWords, Classifier, Dictionary, Labelled, Lead, Lessons, MajorityLabel, WeighedTerms

Read = Callable[[Example], str]
"""The text of an example as a classifier reads it."""
Pick = Callable[[Sequence[Example]], tuple[Sequence[Example], list[str]]]
"""Which of the rows are learned from, and what the result must say of it."""

METHODS: dict[str, tuple[Callable[[], Classifier], ...]] = {
    "majority": (MajorityLabel,),
    "tfidf": (BagOfWords, WeighedTerms),
    "dictionary": (Dictionary,),
    "lead": (Lead,),
}
"""``method=``: those that ``run`` fits on the spot, each for the forms of answers that it can give."""

RULE = "sum"
RULE_BECAUSE = (
    "the method learned probabilities of the labels themselves: there are no words whose length (mean), frequency "
    "(pmi) or bias (contextual, batch) a rule could correct"
)


@dataclass(frozen=True)
class ClassifierSettings:
    """The settings of a run of a method that reads no prompt.

    Attributes:
        task: name or path.
        method: its name.
        data: source of the task, path, URL or Hub id.
        split: the rows that are scored.
        pool: the split that is learned from; None is the one that the task takes shots from.
        pool_rows: how many of its rows are learned from, a stratified sample; None is all.
        seed: of held-out rows, of training.
        limit: rows to score, a stratified sample.
        template: whose input block a head reads.
        model: the body of a head.
    """

    task: str
    method: str
    data: str | None = None
    split: str = "test"
    pool: str | None = None
    pool_rows: int | None = None
    seed: int = 0
    limit: int | None = None
    template: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class PreparedClassifier:
    """A run that can start.

    Attributes:
        examples: the rows to score, in the order of the data.
        seen: ids of those whose text also stands in the split that is learned from.
        read: the text of an example as the classifier reads it.
        template: whose input block is that text, if any.
        model: the body below a head, if any.
        validated_on: the split that settings are chosen on; None where rows of the pool are held out for it.
        notes: what the result must say of the data.
    """

    settings: ClassifierSettings
    task: Task
    classifier: Classifier
    dataset: Dataset
    integrity: Integrity
    examples: tuple[Example, ...]
    lessons: Lessons
    read: Read
    pool_name: str
    validated_on: str | None
    seen: frozenset[str]
    metrics: tuple[Metric[Any], ...]
    catalog: Catalog
    notes: tuple[str, ...]
    template: Template | None = None
    model: ModelFolder | None = None

    @property
    def method(self) -> str:
        """The row of a comparison that this run is."""
        return self.classifier.name

    @property
    def facts(self) -> Facts:
        """What a judgement of the rows needs to know of the task."""
        return facts_of(self.task)

    @property
    def rule(self) -> str:
        """The only decision rule that makes sense here, if answers are decided by one at all."""
        usual = usual_rule(self.task.form)
        return usual if usual == GENERATED else RULE

    @property
    def split(self) -> str:
        """The split that is scored."""
        return self.settings.split

    @property
    def seed(self) -> int:
        """Of all that is random."""
        return self.settings.seed

    def identity(self) -> dict[str, Any]:
        """All that decides the predictions: same identity, same Run folder."""
        return {
            **asked(self.task),
            "method": self.method,
            "classifier": self.classifier.identity(),
            "template": hashed(self.template),
            "model": hashed(self.model),
            "chosen_by": self.metrics[0].name if self.classifier.chooses else None,
            "data": used(self.dataset, (self.split, self.pool_name, self.validated_on)),
            "split": self.split,
            "pool": self.pool_name,
            "pool_rows": self.settings.pool_rows,
            "validation": self.validated_on,
            "seed": self.seed,
            "limit": self.settings.limit,
        }


def classifier_named(method: str, task: Task) -> Classifier:
    """The classifier that ``method=`` names, in the form of answers that the task asks for.

    Raises:
        SpecError: there is none; the nearest spelling is given, or the methods that know the form.
    """
    if method not in METHODS:
        raise SpecError(f"there is no method '{method}' that run can fit", fix=did_you_mean(method, METHODS))
    known = methods_for(task)
    if method not in known:
        what = f"method={method} cannot answer with {task.form}, as task {task.name} ({task.kind}) asks"
        others = f"Of the methods without a prompt {', '.join(known)} can. " if known else ""
        raise SpecError(what, fix=f"{others}Prompt a model instead: promptsci run task={task.name}")
    return known[method]


def methods_for(task: Task) -> dict[str, Classifier]:
    """The classifiers by name that can answer in the form that the task asks for."""
    return {name: found for name, makers in METHODS.items() for make in makers if task.form in (found := make()).forms}


def read_by(task: Task) -> Read:
    """The text that a method without a template reads: the one that spans lie in, the longest field, or all of them."""
    if task.spans is not None:
        field = task.spans.text
        return lambda example: str(example.fields[field])
    if task.form in ("references", "phrases"):
        return _longest
    return lambda example: example.text


def _longest(example: Example) -> str:
    values = [" ".join(value) if isinstance(value, list) else str(value) for value in example.fields.values()]
    return max(values, key=len)


def prepare_classifier(
    settings: ClassifierSettings,
    catalog: Catalog,
    classifier: Classifier,
    read: Read | None = None,
    pick: Pick = lambda rows: (rows, []),
) -> PreparedClassifier:
    """The run that these settings ask for, checked as a whole.

    Args:
        settings: of the run.
        catalog: where the task is found.
        classifier: what learns.
        read: how it reads an example; None is as `read_by` says.
        pick: which of the rows that validation does not hold out it learns from.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    task = catalog.task(settings.task)
    _check_form(task, classifier)
    read = read or read_by(task)
    pool = split_name(settings.pool or task.shots.from_)
    settings = replace(settings, split=split_name(settings.split), pool=settings.pool and pool)
    metrics, dataset, examples = _found(settings, task, pool)
    rows = _rows(dataset, settings, pool, chooses=classifier.chooses)
    picked, said = pick(rows.train)
    whole, train, validation = (_labelled(part, task, read) for part in (rows.whole, picked, rows.validation))
    return PreparedClassifier(
        settings=settings,
        task=task,
        classifier=classifier,
        dataset=dataset,
        integrity=integrity(dataset, task.labels),
        examples=examples,
        lessons=Lessons(facts_of(task), whole, train, validation, metrics[0], settings.seed),
        read=read,
        pool_name=pool,
        validated_on=rows.validated_on,
        seen=seen_ids(dataset, settings.split, pool),
        metrics=metrics,
        catalog=catalog,
        notes=(*rows.notes, *said),
    )


def _found(
    settings: ClassifierSettings, task: Task, pool: str
) -> tuple[tuple[Metric[Any], ...], Dataset, tuple[Example, ...]]:
    """Metrics, data, and the rows to score; all that is wrong with them is said at once."""
    attempt = Attempts()
    metrics = attempt(lambda: tuple(form_metric(name, facts_of(task)) for name in task.metrics))
    dataset = attempt(lambda: _dataset(settings, task, pool))
    examples = attempt(lambda: examples_to_score(settings, dataset, task.form)) if dataset else None
    raise_all(attempt.problems)
    assert metrics is not None
    assert dataset is not None
    assert examples is not None
    return metrics, dataset, examples


@dataclass(frozen=True)
class _Rows:
    """Who learns from which examples; see `Lessons`."""

    whole: Sequence[Example]
    train: Sequence[Example]
    validation: Sequence[Example] = ()
    validated_on: str | None = None
    notes: tuple[str, ...] = ()


def _dataset(settings: ClassifierSettings, task: Task, pool: str) -> Dataset:
    """The split to score, the split to learn from, and validation where there is one."""
    if settings.split == pool:
        raise DataError(
            f"the rows of {pool} cannot be scored by a method that learns from them",
            fix="Score another split (split=NAME), or learn from another (--pool NAME).",
        )
    return read_dataset(task, settings.data, needed=[settings.split, pool], if_there=["validation"])


def _rows(dataset: Dataset, settings: ClassifierSettings, pool: str, *, chooses: bool) -> _Rows:
    split = dataset.split(pool)
    whole = [example for example in split.examples if example.gold is not None]
    if not whole:
        raise DataError(
            f"no row of {pool} has a label, so there is nothing to learn from",
            where=split.origin,
            fix="Give labelled rows, or learn from another split (--pool NAME).",
        )
    if settings.pool_rows is not None:
        whole = stratified(whole, settings.pool_rows, settings.seed)
    if not chooses:
        return _Rows(whole, whole)
    if "validation" in dataset.splits and "validation" not in (settings.split, pool):
        held = [example for example in dataset.split("validation").examples if example.gold is not None]
        if held:
            return _Rows(whole, whole, held, "validation")
    train, held = carve(whole, settings.seed)
    why = "the validation split is what is scored" if settings.split == "validation" else "there is no other validation"
    note = f"settings are chosen on {len(held)} of {len(whole)} rows held out of {pool} (seed {settings.seed}): {why}"
    return _Rows(whole, train, held, None, (note,))


def _check_form(task: Task, classifier: Classifier) -> None:
    """Nothing for a task whose answers the method can give.

    Raises:
        SpecError: the task asks for something else.
    """
    if task.form not in classifier.forms:
        what = f"method={classifier.name} cannot answer with {task.form}, as task {task.name} ({task.kind}) asks"
        fix = f"It knows {', '.join(classifier.forms)}. Prompt a model instead: promptsci run task={task.name}"
        raise SpecError(what, fix=fix)


def _labelled(examples: Sequence[Example], task: Task, read: Read) -> Labelled:
    golds = [task.labels.index(example.gold) for example in examples] if task.label is not None else []
    rows = tuple({"id": example.id, "gold": example.gold, **example.known} for example in examples)
    return Labelled(tuple(read(example) for example in examples), np.array(golds, dtype=np.int64), rows)
