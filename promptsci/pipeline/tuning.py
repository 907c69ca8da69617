"""A tuning that can start: everything that can be wrong is found here, before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promptsci.data import Example, Findings, carve, gold_reader, read_dataset, stratified
from promptsci.data.example import split_name
from promptsci.errors import TuneError
from promptsci.lm import AdapterFolder, Progress, check_base, count_weights, read_adapter
from promptsci.lm.four_bit import NF4
from promptsci.pipeline.augment import Augmented
from promptsci.pipeline.lessons import check_objective, teach
from promptsci.pipeline.opening import check_start, fits_behind, openings
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.settings import Settings
from promptsci.prompt.opening import Opening
from promptsci.runs import run_name, settings_key
from promptsci.score import GENERATED, usual_rule
from promptsci.spec import Catalog
from promptsci.tune.folder import TuneFolder
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import Method, Recipe, recipe_for

TUNED_RULE = "sum"
"""Training makes the summed log-likelihood of the right choice the largest, so that is what decides."""
EXAMINED_RULES = ("sum", "mean", "batch")
"""Rules that need nothing but the rows themselves."""


@dataclass(frozen=True)
class TuneSettings:
    """What one tuning is asked to do.

    Attributes:
        run: the closing run: task, template, model, data, split, shots, seed and so on.
        method: what is trained.
        values: of the recipe, as written on the command line.
        train: the split that is learned from.
        validation: the split that decides which weights are the best.
        train_rows: how many rows are learned from, a stratified sample.
        log_to: trackers that hear of loss and metrics.
        recipe: path of a recipe that stands in for the method's own.
        start: folder of an adapter, tuned on this task or another, whose weights are the first.
    """

    run: Settings
    method: Method = "lora"
    values: Mapping[str, str] = field(default_factory=dict)
    train: str = "train"
    validation: str = "validation"
    train_rows: int | None = None
    log_to: tuple[str, ...] = ()
    recipe: str | None = None
    start: str | None = None


@dataclass(frozen=True)
class PreparedTune:
    """A tuning that can start.

    Attributes:
        run: the base model on the rows of the closing run.
        train: the same on the rows that are learned from.
        recipe: how they are learned.
        lessons: what is learned from.
        validation: rows that decide which weights are the best.
        carved: whether those were taken out of the train rows.
        notes: what the result must say.
        start: the adapter whose weights are the first; None begins anew.
        openings: with init=shots, what the prefix may begin as; the best on validation is chosen.
        rows: the train rows of the lessons.
        augmented: rows made of them, which are learned from too; None where none were asked for.
    """

    settings: TuneSettings
    run: Prepared
    train: Prepared
    recipe: Recipe
    lessons: tuple[Lesson, ...]
    validation: tuple[Example, ...]
    carved: bool
    notes: tuple[str, ...]
    openings: tuple[Opening, ...] = ()
    rows: tuple[Example, ...] = ()
    augmented: Augmented | None = None
    start: AdapterFolder | None = None

    @property
    def rule(self) -> str:
        """The decision rule of the main metric."""
        usual = usual_rule(self.run.task.form)
        return usual if usual == GENERATED else self.settings.run.rule or TUNED_RULE

    def identity(self) -> dict[str, Any]:
        """All that decides the weights: same identity, same folder."""
        own = self.train.identity()
        return {
            **{name: value for name, value in own.items() if name not in ("sharing", "pack_tokens")},
            "recipe": self.recipe.identity(),
            **({"from": self.start.to_json()} if self.start else {}),
            "rule": self.rule,
            **({"augmented": self.augmented.to_json()} if self.augmented else {}),
            "validation": {
                "split": self.settings.train if self.carved else split_name(self.settings.validation),
                "ids": settings_key({"ids": [example.id for example in self.validation]}),
            },
        }

    @property
    def name(self) -> str:
        """Short, for people: the method and eight digits of the identity."""
        return f"{self.recipe.method}-{settings_key(self.identity())}"

    def folder(self, root: Path) -> TuneFolder:
        """Where this tuning stands on disk: the same for the same identity."""
        run = self.settings.run
        parts = [
            "tune",
            self.recipe.method,
            self.run.template.name.rsplit("/", 1)[-1],
            self.run.model.name,
            f"{run.shots}-shot" if run.shots else "",
            self.settings.train if self.settings.train != "train" else "",
            f"n{self.settings.train_rows}" if self.settings.train_rows else "",
            f"seed{run.seed}",
        ]
        path = root / self.run.task.name / run_name(parts, self.identity())
        return TuneFolder(path, full=self.recipe.method == "full")


def started_from(prepared: PreparedTune) -> dict[str, Any] | None:
    """The adapter that a tuning began with, and the task that it was tuned on; None where it began anew."""
    start = prepared.start
    return None if start is None else {**start.to_json(), "task": start.card.get("task")}


def prepare_tune(settings: TuneSettings, catalog: Catalog, progress: Progress | None = None) -> PreparedTune:
    """The tuning that these settings ask for, checked as a whole.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    run = prepare(settings.run, catalog, progress)
    _check_frozen(settings)
    start = None if settings.start is None else _start(settings, run)
    n_parameters, written = count_weights(run.model.path), run.writing is not None
    recipe = recipe_for(settings.method, n_parameters, settings.values, settings.recipe, written=written)
    _check_aim(recipe, settings.run.rule, run.task.form)
    check_objective(run, recipe)
    from_shots = recipe.init == "shots"
    if from_shots:
        check_start(recipe, settings.run, run.choose)
    learned = replace(settings.run, split=settings.train, pool=settings.run.pool or None, limit=None)
    train = prepare(learned, catalog)
    rows = [example for example in train.examples if example.gold is not None]
    notes = [*run.notes]
    if len(rows) < len(train.examples):
        notes.append(f"{len(train.examples) - len(rows)} rows of {settings.train} have no label and are left out")
    validation, carved = _validation(settings, run, rows)
    if carved:
        held = {example.id for example in validation}
        rows = [example for example in rows if example.id not in held]
        notes.append(
            f"there is no validation split: {len(validation)} rows of {settings.train} were set aside for it "
            f"(stratified, seed {settings.run.seed})"
        )
    if settings.train_rows is not None:
        rows = stratified(rows, settings.train_rows, settings.run.seed)
    notes += _missing_labels(run, rows, sampled=settings.train_rows is not None)
    notes += _seen_rows(validation, rows)
    kept = _examined(validation, recipe.evaluate, settings.run.seed)
    if len(kept) < len(validation):
        notes.append(f"{len(kept)} of {len(validation)} validation rows are used (evaluate={recipe.evaluate})")
    opened = openings(train, recipe, rows, run.choose) if from_shots else ()
    train.questioner.context -= 0 if opened else recipe.n_virtual
    with fits_behind(opened):
        taught = teach(train, rows, recipe)
    said = (*notes, *taught.notes)
    parts = (settings, run, train, recipe, taught.lessons, tuple(kept), carved, said, opened, tuple(rows))
    return PreparedTune(*parts, start=start)


def with_made(prepared: PreparedTune, augmented: Augmented) -> PreparedTune:
    """The tuning that also learns from made rows; validation and test stay as they are."""
    examples = [*prepared.rows, *(one.example for one in augmented.made)]
    with fits_behind(prepared.openings):
        taught = teach(prepared.train, examples, prepared.recipe)
    made = f"{len(augmented.made)} rows were made of {len(prepared.rows)} train rows: {augmented.said()}"
    notes = dict.fromkeys([*prepared.notes, *taught.notes, made])
    return replace(prepared, lessons=taught.lessons, notes=tuple(notes), augmented=augmented)


def _start(settings: TuneSettings, run: Prepared) -> AdapterFolder:
    """The adapter to begin with, made for this model by this method.

    Raises:
        ModelError: it cannot be read, or was made for another base.
        TuneError: it is of another method, or nothing that a training of this method can begin with.
    """
    if settings.method == "full":
        raise TuneError("--from names an adapter, and --full makes none", fix="Name the tuned model: model=FOLDER.")
    found = read_adapter(Path(str(settings.start)))
    check_base(found, run.model.name, run.model.sha256)
    if found.method != settings.method:
        what = f"the adapter to begin with is {found.method}, not {settings.method}"
        raise TuneError(what, where=str(found.path), fix=f"Use --{found.method}.")
    if "opening" in found.card or settings.values.get("init") == "shots":
        what = "a prefix that stands for instruction and shots is of its own task"
        raise TuneError(what, where=str(found.path), fix="Begin with another adapter, or leave --from out.")
    return found


def _check_frozen(settings: TuneSettings) -> None:
    if settings.method == "full" and settings.run.dtype == NF4:
        raise TuneError(
            "weights in four bits are frozen, and --full trains them", fix="Use --lora, or leave --4bit out."
        )


def _check_aim(recipe: Recipe, rule: str | None, form: str) -> None:
    known = [each for each in EXAMINED_RULES if (form, each) != ("options", "batch")]
    if rule not in (None, *known):
        fix = f"Use --rule {', '.join(known)}; any other can be read off the closing run."
        raise TuneError(f"validation is not scored for the rule '{rule}', which needs reference prompts", fix=fix)
    if recipe.objective == "lm" and recipe.smoothing:
        fix = "Use objective=choice, or leave smoothing out."
        raise TuneError("smoothing goes to the other choices, which the objective lm does not read", fix=fix)


def _validation(settings: TuneSettings, run: Prepared, rows: Sequence[Example]) -> tuple[list[Example], bool]:
    """The validation rows, and whether they were taken out of train.

    Raises:
        DataError: a validation split that was named is not there, or train is too small to set rows aside.
    """
    name = split_name(settings.validation)
    there = read_dataset(run.task, settings.run.data).splits
    if name in there or settings.validation != "validation":
        split = there.get(name) or read_dataset(run.task, settings.run.data, needed=[name]).split(name)
        labelled = [example for example in split.examples if example.gold is not None]
        if not labelled:
            raise TuneError(f"no row of {name} has a label", where=split.origin, fix="Name another: validation=...")
        return labelled, False
    return carve(rows, settings.run.seed)[1], True


def _missing_labels(run: Prepared, rows: Sequence[Example], *, sampled: bool) -> list[str]:
    """What to say of labels that no train row has; in all of train that is an error, in a small sample it happens.

    It is none either where a row may have any number of labels or spans, as a rare one then says little.

    Raises:
        TuneError: no row of train has a label of the task.
    """
    labels_of = gold_reader(run.task, Findings("")).labels
    there = {label for example in rows for label in labels_of(example.gold)}
    missing = [label for label in run.task.labels if label not in there]
    if not missing:
        return []
    what = f"no train row has the label{'s' * (len(missing) > 1)} {', '.join(missing)}"
    if sampled or run.task.answers.is_written:
        return [what]
    fix = "Add rows, take the label out of task.yaml, or name another train split: --train-split NAME."
    raise TuneError(what, where=run.dataset.origin, fix=fix)


def _seen_rows(validation: Sequence[Example], rows: Sequence[Example]) -> list[str]:
    from promptsci.data import text_key

    known = {text_key(example) for example in rows}
    n = sum(text_key(example) in known for example in validation)
    return [f"{n} of {len(validation)} validation rows also stand in train, so the choice of weights is flattered"] * (
        n > 0
    )


def _examined(validation: Sequence[Example], n: int, seed: int) -> list[Example]:
    """A sample of about n validation rows; those that are judged together are taken together."""
    groups = {example.group for example in validation if example.group is not None}
    return stratified(validation, -(-n * len(groups) // len(validation)) if groups else n, seed)
