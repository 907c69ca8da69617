"""Everything that can be wrong is found here, before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.data import (
    Dataset,
    Example,
    Findings,
    Integrity,
    gold_reader,
    integrity,
    seen_ids,
    stratified,
)
from promptsci.data.example import split_name
from promptsci.data.options import shuffled
from promptsci.errors import Attempts, PromptsciError, SpecError, did_you_mean, raise_all
from promptsci.lm import (
    AdapterFolder,
    Generation,
    ModelFolder,
    Progress,
    check_base,
    read_adapter,
    read_card,
    reader_of,
    resolve,
    resolve_causal,
)
from promptsci.lm.four_bit import NF4, check_four_bit
from promptsci.pipeline.answering import writing_of
from promptsci.pipeline.identity import asked, hashed, used
from promptsci.pipeline.perturb import check_perturbation, perturb
from promptsci.pipeline.rows import examples_to_score, pool_name, read_data
from promptsci.pipeline.settings import Settings, method_name
from promptsci.pipeline.thresholds import thresholds_for
from promptsci.prompt import Assembler, Chooser, Encoder, Format, Pool, Questioner, chooser
from promptsci.score import GENERATED, RULES, Facts, Metric, facts_of, form_metric, usual_rule
from promptsci.spec import Catalog, Task, Template, fitting_template

if TYPE_CHECKING:
    from promptsci.lm.embed import Embedder

EMBEDDER = "minilm"
"""The encoder of ``similar-embedding``."""


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
        adapter: what is put on the model.
        card: what tune wrote of the adapter or the model; empty for weights that it did not make.
        thresholds: label -> the probability from which on it is answered, where each is asked by itself.
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
    adapter: AdapterFolder | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The row of a comparison that this run is."""
        tuned = self.adapter.method if self.adapter else self.card.get("method")
        return method_name(self.settings.shots, self.choose, tuned)

    @property
    def rule(self) -> str:
        """The decision rule of the headline: the one asked for, the one the weights were tuned for, or the usual."""
        usual, tuned = usual_rule(self.task.form), self.card.get("rule")
        # Weights may have been tuned for answers of another kind.
        return usual if usual == GENERATED else self.settings.rule or (tuned if tuned in RULES else usual)

    @property
    def facts(self) -> Facts:
        """What a judgement of the rows needs to know of the task."""
        return replace(facts_of(self.task), thresholds=self.thresholds)

    @property
    def split(self) -> str:
        """The split that is scored."""
        return self.settings.split

    @property
    def seed(self) -> int:
        """Of shots."""
        return self.settings.seed

    def identity(self) -> dict[str, Any]:
        """All that decides the predictions: same identity, same Run folder."""
        settings = self.settings
        return {
            **asked(self.task),
            "template": hashed(self.template),
            "model": hashed(self.model),
            "adapter": hashed(self.adapter),
            "data": used(self.dataset, (settings.split, self.pool_name if settings.shots else None)),
            "split": settings.split,
            "shots": settings.shots,
            "choose": self.choose if settings.shots else None,
            "fixed": list(self.task.shots.ids) if self.choose == "fixed" and settings.shots else None,
            "pool": self.pool_name,
            "pool_rows": settings.pool_rows if settings.shots else None,
            "seed": settings.seed,
            "limit": settings.limit,
            "format": self.format,
            **({"embedder": self.pool.embed.sha256} if self.pool.embed else {}),
            "dtype": settings.dtype,
            "sharing": settings.sharing,
            "pack_tokens": settings.pack_tokens,
            **({"constrain": True} if settings.constrain else {}),
            **({"option_order": settings.option_order} if settings.option_order else {}),
            **({"perturb": settings.perturb} if settings.perturb else {}),
        }

    @property
    def pool_name(self) -> str:
        """The split that shots come from."""
        return pool_name(self.settings, self.task)


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
    adapter: AdapterFolder | None


def prepare(settings: Settings, catalog: Catalog, progress: Progress | None = None) -> Prepared:
    """The run that these settings ask for, checked as a whole.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    if settings.dtype == NF4:
        check_four_bit()
    task = catalog.task(settings.task)
    pool, split = pool_name(settings, task), split_name(settings.split)
    settings = replace(settings, split=split, pool=settings.pool and pool)
    notes: list[str] = []
    parts = _parts(settings, catalog, task, notes, progress)
    notes += _precision(settings.dtype, parts.adapter)
    reader = reader_of(parts.model)
    opened: Mapping[str, Any] = parts.adapter.card.get("opening", {}) if parts.adapter else {}
    encoder = Encoder(reader.tokenizer, reader.format(settings.format), opened.get("bare", ()))
    writing = writing_of(parts.template, task, encoder.format, constrain=settings.constrain)
    room = writing.max_tokens if writing else 0
    context = reader.context - (parts.adapter.n_virtual if parts.adapter else 0)
    questioner = Questioner(Assembler(task, parts.template), encoder, parts.chooser, context, room)
    raise_all(_once_a_place(questioner.check(parts.examples)))
    questioner.questions(parts.examples[:1])  # a shot that cannot be rendered is not to be found in mid-run
    card = parts.adapter.card if parts.adapter else read_card(parts.model.path)
    thresholds = thresholds_for(settings, task, parts.template, card)
    return Prepared(
        settings=settings,
        task=task,
        template=parts.template,
        dataset=parts.dataset,
        integrity=integrity(parts.dataset, task.labels, gold_reader(task, Findings("")).labels),
        examples=parts.examples,
        pool=parts.pool,
        seen=seen_ids(parts.dataset, split, pool) if split != pool else frozenset(),
        model=parts.model,
        format=encoder.format,
        choose=settings.choose or task.shots.choose,
        metrics=parts.metrics,
        questioner=questioner,
        writing=writing,
        catalog=catalog,
        notes=tuple(notes),
        adapter=parts.adapter,
        card=card,
        thresholds=thresholds,
    )


def _parts(settings: Settings, catalog: Catalog, task: Task, notes: list[str], progress: Progress | None) -> _Parts:
    attempt = Attempts()
    template = attempt(lambda: fitting_template(settings.template, catalog, task))
    metrics = attempt(lambda: tuple(form_metric(name, facts_of(task)) for name in task.metrics))
    attempt(lambda: _check_rule(settings.rule, task))
    attempt(lambda: check_perturbation(settings, task))
    dataset = attempt(lambda: read_data(settings, task, notes))
    shown = dataset.split(pool_name(settings, task)).examples if dataset and settings.shots else ()
    if shown and settings.pool_rows is not None:
        shown = tuple(stratified(shown, settings.pool_rows, settings.seed))
    pool = Pool(shown, task.labels, attempt(lambda: _embedder(settings, task, progress)))
    rule = settings.choose or task.shots.choose
    chosen = attempt(lambda: chooser(rule, pool, settings.shots, settings.seed, task)) if dataset else None
    examples = attempt(lambda: _scored(settings, dataset, task)) if dataset else None
    model = attempt(lambda: resolve_causal(settings.model, progress))
    adapter = attempt(lambda: _adapter(settings, model)) if model else None
    raise_all(attempt.problems)
    assert template is not None
    assert metrics is not None
    assert dataset is not None
    assert chosen is not None
    assert examples is not None
    assert model is not None
    asked = perturb(settings, task, examples, chosen)
    notes.extend(asked.notes)
    return _Parts(template, metrics, dataset, pool, asked.chooser, asked.examples, model, adapter)


def _scored(settings: Settings, dataset: Dataset, task: Task) -> tuple[Example, ...]:
    """The rows to score, with their options in the order asked for.

    Raises:
        DataError: none of them is labelled.
        SpecError: an order of options is asked for where rows have none.
    """
    examples = examples_to_score(settings, dataset, task.form, unlabelled=settings.unlabelled)
    if not settings.option_order:
        return examples
    if task.options is None:
        what = f"task {task.name} is {task.kind}: its rows have no options whose order could change"
        raise SpecError(what, fix="Leave --shuffle-options out.")
    return tuple(shuffled(example, settings.option_order) for example in examples)


def _adapter(settings: Settings, model: ModelFolder) -> AdapterFolder | None:
    """The adapter asked for, made for this model.

    Raises:
        ModelError: it cannot be read, or was made for another.
    """
    if settings.adapter is None:
        return None
    adapter = read_adapter(Path(settings.adapter).expanduser())
    check_base(adapter, model.name, model.sha256)
    return adapter


def _precision(dtype: str, adapter: AdapterFolder | None) -> list[str]:
    """What to say where an adapter is not put on the weights that it was tuned on."""
    tuned_on = adapter.card.get("quantised") if adapter else None
    if tuned_on is None or tuned_on == dtype:
        return []
    return [f"the adapter was tuned on weights in four bits, and stands on whole ones here; see --dtype {tuned_on}"]


def _embedder(settings: Settings, task: Task, progress: Progress | None) -> Embedder | None:
    """What turns texts into vectors, where shots are chosen by them; the encoder is fetched, not yet loaded."""
    if not settings.shots or (settings.choose or task.shots.choose) != "similar-embedding":
        return None
    from promptsci.lm.embed import Embedder

    return Embedder(resolve(EMBEDDER, progress=progress))


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
