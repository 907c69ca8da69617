"""Everything that can be wrong is found here, before a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from promptsci.data import (
    Dataset,
    Example,
    Findings,
    Integrity,
    gold_reader,
    integrity,
    read_dataset,
    seen_ids,
    stratified,
)
from promptsci.data.example import split_name
from promptsci.errors import (
    DataError,
    ModelError,
    Problems,
    PromptError,
    PromptsciError,
    SpecError,
    did_you_mean,
    raise_all,
)
from promptsci.lm import Generation, ModelFolder, Progress, resolve
from promptsci.pipeline.answering import reading_of, writing_of
from promptsci.pipeline.settings import Settings, method_name
from promptsci.prompt import FORMATS, Assembler, Chooser, Encoder, Format, Pool, Questioner, Tokenizer, chooser
from promptsci.score import GENERATED, RULES, Facts, Metric, facts_of, form_metric, usual_rule
from promptsci.spec import Catalog, Task, Template, check_fit

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Attributes:
        examples: the rows to score, in the order of the data.
        seen: ids of those whose text also stands in the pool of shots.
        questioner: makes the prompts.
        writing: how answers are written; None where choices are scored.
        catalog: where task and template were found.
        notes: what the result must say of the data.
    """

    settings: Settings
    task: Task
    template: Template
    dataset: Dataset
    integrity: Integrity
    examples: tuple[Example, ...]
    pool: Pool
    seen: frozenset[str]
    model: ModelFolder
    format: Format
    choose: str
    metrics: tuple[Metric[Any], ...]
    questioner: Questioner
    writing: Generation | None
    catalog: Catalog
    notes: tuple[str, ...]

    @property
    def method(self) -> str:
        """The row of a comparison that this run is."""
        return method_name(self.settings.shots, self.choose)

    @property
    def facts(self) -> Facts:
        """What a judgement of the rows needs to know of the task."""
        return facts_of(self.task)

    def identity(self) -> dict[str, Any]:
        """All that decides the predictions: same identity, same Run folder."""
        settings = self.settings
        used = {settings.split, self.pool_name} if settings.shots else {settings.split}
        return {
            "task": self.task.name,
            "labels": list(self.task.labels),
            "fields": dict(self.task.fields),
            **reading_of(self.task),
            "template": {"name": self.template.name, "sha256": self.template.sha256},
            "model": {"name": self.model.name, "sha256": self.model.sha256},
            "adapter": None,
            "data": {name: self.dataset.splits[name].sha256 for name in sorted(used)},
            "split": settings.split,
            "shots": settings.shots,
            "choose": self.choose if settings.shots else None,
            "fixed": list(self.task.shots.ids) if self.choose == "fixed" and settings.shots else None,
            "pool": self.pool_name,
            "seed": settings.seed,
            "limit": settings.limit,
            "format": self.format,
            "dtype": settings.dtype,
            "sharing": settings.sharing,
            "pack_tokens": settings.pack_tokens,
            **({"constrain": True} if settings.constrain else {}),
        }

    @property
    def pool_name(self) -> str:
        """The split that shots come from."""
        return _pool_name(self.settings, self.task)


@dataclass(frozen=True)
class _Parts:
    """What a run is made of, each part sound by itself."""

    template: Template
    metrics: tuple[Metric[Any], ...]
    dataset: Dataset
    pool: Pool
    chooser: Chooser
    examples: tuple[Example, ...]
    model: ModelFolder


class _Attempts:
    """Runs steps that do not need each other, so that all their problems are found in one go."""

    def __init__(self) -> None:
        self.problems: list[PromptsciError] = []

    def __call__(self, step: Callable[[], T]) -> T | None:
        """What the step gives, or None when it has a problem."""
        try:
            return step()
        except Problems as several:
            self.problems.extend(several.problems)
        except PromptsciError as one:
            self.problems.append(one)
        return None


def prepare(settings: Settings, catalog: Catalog, progress: Progress | None = None) -> Prepared:
    """The run that these settings ask for, checked as a whole.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    task = catalog.task(settings.task)
    pool_name, split = _pool_name(settings, task), split_name(settings.split)
    settings = replace(settings, split=split, pool=settings.pool and pool_name)
    notes: list[str] = []
    parts = _parts(settings, catalog, task, notes, progress)
    tokenizer = Tokenizer(parts.model.path)
    format_ = pick_format(settings.format, parts.model, tokenizer)
    encoder = Encoder(tokenizer, format_)
    writing = writing_of(parts.template, task, format_, constrain=settings.constrain)
    questioner = Questioner(
        Assembler(task, parts.template),
        encoder,
        parts.chooser,
        model_context(parts.model),
        writing.max_tokens if writing else 0,
    )
    raise_all(_once_a_place(questioner.check(parts.examples)))
    questioner.questions(parts.examples[:1])  # a shot that cannot be rendered is not to be found in mid-run
    return Prepared(
        settings=settings,
        task=task,
        template=parts.template,
        dataset=parts.dataset,
        integrity=integrity(parts.dataset, task.labels, gold_reader(task, Findings("")).labels),
        examples=parts.examples,
        pool=parts.pool,
        seen=seen_ids(parts.dataset, split, pool_name) if split != pool_name else frozenset(),
        model=parts.model,
        format=format_,
        choose=settings.choose or task.shots.choose,
        metrics=parts.metrics,
        questioner=questioner,
        writing=writing,
        catalog=catalog,
        notes=tuple(notes),
    )


def _parts(settings: Settings, catalog: Catalog, task: Task, notes: list[str], progress: Progress | None) -> _Parts:
    attempt = _Attempts()
    template = attempt(lambda: _template(settings, catalog, task))
    metrics = attempt(lambda: tuple(form_metric(name, facts_of(task)) for name in task.metrics))
    attempt(lambda: _check_rule(settings.rule, task))
    dataset = attempt(lambda: _dataset(settings, task, notes))
    shown = dataset.split(_pool_name(settings, task)).examples if dataset and settings.shots else ()
    pool = Pool(shown, task.labels)
    rule = settings.choose or task.shots.choose
    chosen = attempt(lambda: chooser(rule, pool, settings.shots, settings.seed, task)) if dataset else None
    examples = attempt(lambda: _examples(settings, dataset, task.form)) if dataset else None
    model = attempt(lambda: resolve(settings.model, progress=progress))
    raise_all(attempt.problems)
    assert template is not None
    assert metrics is not None
    assert dataset is not None
    assert chosen is not None
    assert examples is not None
    assert model is not None
    return _Parts(template, metrics, dataset, pool, chosen, examples, model)


def _pool_name(settings: Settings, task: Task) -> str:
    return split_name(settings.pool or task.shots.from_)


def _template(settings: Settings, catalog: Catalog, task: Task) -> Template:
    template = catalog.template(settings.template, task)
    check_fit(template, task)
    return template


def _dataset(settings: Settings, task: Task, notes: list[str]) -> Dataset:
    """The split to score, the pool of shots, and train as far as it is there: leaks and the majority row need it."""
    pool = _pool_name(settings, task)
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


def _examples(settings: Settings, dataset: Dataset, form: str) -> tuple[Example, ...]:
    """The rows to score.

    Raises:
        DataError: none of them is labelled, so there would be nothing to score against.
    """
    split = dataset.split(settings.split)
    rows = split.examples
    examples = tuple(stratified(rows, settings.limit, settings.seed) if settings.limit is not None else rows)
    if not any(example.gold is not None for example in examples):
        raise DataError(
            f"none of the {len(examples)} rows has a label, so there is nothing to score against",
            where=split.origin,
            fix=f"Name the column that has it in task.yaml ({form}: column), or give labelled rows as data=PATH.",
        )
    return examples


def _check_rule(rule: str | None, task: Task) -> None:
    if rule is not None and usual_rule(task.form) == GENERATED:
        what = f"a {task.kind} task has no decision rule"
        raise SpecError(what, fix="Leave --rule out.")
    if rule is not None and rule not in RULES:
        raise SpecError(f"there is no decision rule '{rule}'", fix=did_you_mean(rule, RULES))


def _once_a_place(problems: Sequence[PromptsciError]) -> list[PromptsciError]:
    """The problems, but of those at one line of a template only the first: each row would say the same again."""
    places = [problem.where for problem in problems]
    return [problem for i, problem in enumerate(problems) if problem.where is None or problem.where not in places[:i]]


def pick_format(asked: Format | None, model: ModelFolder, tokenizer: Tokenizer) -> Format:
    """The format asked for, or what the model's maker says, or chat where the model has a chat template.

    Raises:
        PromptError: chat is asked of a model without a chat template.
    """
    if asked is not None and asked != "plain" and not tokenizer.has_chat_template:
        raise PromptError(f"model {model.name} has no chat template", fix="Use --format plain.")
    if asked is not None:
        return asked
    for known in FORMATS:
        if model.default_format == known:
            return known
    return "chat" if tokenizer.has_chat_template else "plain"


def model_context(model: ModelFolder) -> int:
    """The longest sequence the model holds, in tokens, read from its files.

    Raises:
        ModelError: its config.json cannot be read.
    """
    import json
    from types import SimpleNamespace

    from promptsci.lm.context import context_length

    path = model.path / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        config |= config.get("text_config", {})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        what = f"this file cannot be read as JSON: {error}"
        raise ModelError(what, where=str(path), fix="Copy the folder again.") from error
    return context_length(SimpleNamespace(**config))
