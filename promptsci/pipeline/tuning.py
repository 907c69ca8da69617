"""A tuning that can start: everything that can be wrong is found here, before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promptsci.data import Example
from promptsci.errors import TuneError
from promptsci.lm import AdapterFolder, Progress, check_base, count_weights, read_adapter
from promptsci.lm.four_bit import NF4
from promptsci.pipeline.augment import Augmented
from promptsci.pipeline.chain import Earlier, Link, chain_of, earlier, earlier_runs, link_of
from promptsci.pipeline.lessons import check_objective
from promptsci.pipeline.mixture import mixed_lessons, notes_of, said_of_earlier, said_of_mix, said_of_objective
from promptsci.pipeline.opening import check_start
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.settings import Settings
from promptsci.pipeline.subject import Subject, TaskSettings, subject, with_lessons
from promptsci.prompt.opening import Opening
from promptsci.runs import run_name, settings_key
from promptsci.spec import Catalog
from promptsci.tune.folder import TuneFolder
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import KEEPING, Method, Recipe, recipe_for

EXAMINED_RULES = ("sum", "mean", "batch")
"""Rules that need nothing but the rows themselves."""
LONGEST_TITLE = 100
"""Characters of the name of a folder for several tasks."""


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
        also: closing runs of other tasks that the same weights learn.
        after: whether the tasks of ``start`` are earlier ones, which the recipe may keep and which are scored again.
        new: rows that are learned from instead of those of train.
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
    also: tuple[Settings, ...] = ()
    after: bool = False
    new: str | None = None

    @property
    def tasks(self) -> tuple[TaskSettings, ...]:
        """What is asked of each task."""
        of_all = (self.train, self.validation, self.train_rows, self.new)
        return tuple(TaskSettings(run, *of_all) for run in (self.run, *self.also))


@dataclass(frozen=True)
class PreparedTune:
    """A tuning that can start.

    Attributes:
        subjects: the tasks that are learned; the first leads.
        recipe: how they are learned.
        lessons: what is learned from, kept rows of earlier tasks aside.
        notes: what the result must say.
        openings: with init=shots, what the prefix may begin as; the best on validation is chosen.
        augmented: rows made of the train rows, which are learned from too; None where none were asked for.
        start: the adapter whose weights are the first; None begins anew.
        earlier: the tasks of ``start`` and what is kept of them; None where they are left behind.
    """

    settings: TuneSettings
    subjects: tuple[Subject, ...]
    recipe: Recipe
    lessons: tuple[Lesson, ...]
    notes: tuple[str, ...]
    openings: tuple[Opening, ...] = ()
    augmented: Augmented | None = None
    start: AdapterFolder | None = None
    earlier: Earlier | None = None

    @property
    def lead(self) -> Subject:
        """The first task."""
        return self.subjects[0]

    @property
    def run(self) -> Prepared:
        """The base model on the rows of the first closing run."""
        return self.lead.run

    @property
    def train(self) -> Prepared:
        """The same on the rows that are learned from."""
        return self.lead.train

    @property
    def rows(self) -> tuple[Example, ...]:
        """The train rows of the first task."""
        return self.lead.rows

    @property
    def validation(self) -> tuple[Example, ...]:
        """Rows of all tasks that decide which weights are the best."""
        return tuple(row for one in self.examined for row in one.validation)

    @property
    def rule(self) -> str:
        """The decision rule of the first task's main metric."""
        return self.lead.rule

    @property
    def carved(self) -> bool:
        """Whether validation rows of the first task were taken out of its train rows."""
        return self.lead.carved

    @property
    def learned(self) -> tuple[Lesson, ...]:
        """All lessons, those kept of earlier tasks mixed in."""
        return (*self.lessons, *self.kept)

    @property
    def examined(self) -> tuple[Subject, ...]:
        """The tasks that decide which weights are the best: those learned, and those held on to."""
        kept = self.earlier.left if self.earlier and self.recipe.keep != "none" else ()
        return (*self.subjects, *kept)

    @property
    def kept(self) -> tuple[Lesson, ...]:
        """Lessons of earlier tasks that are mixed in."""
        return self.earlier.lessons if self.earlier and self.recipe.keep in ("replay", "distill") else ()

    @property
    def title(self) -> str:
        """The tasks' names, as the name of a folder."""
        joined = "+".join(one.name for one in self.subjects)
        return joined if len(joined) <= LONGEST_TITLE else f"{self.lead.name}+{len(self.subjects) - 1}"

    def identity(self) -> dict[str, Any]:
        """All that decides the weights: same identity, same folder."""
        return {
            **self.lead.identity(),
            "recipe": self.recipe.identity(len(self.subjects)),
            **({"from": self.start.to_json()} if self.start else {}),
            "rule": self.lead.rule,
            **({"augmented": self.augmented.to_json()} if self.augmented else {}),
            "validation": self.lead.judged_by(),
            **self._others(),
        }

    def _others(self) -> dict[str, Any]:
        """What decides the weights besides the first task; nothing where it is alone."""
        also = [{**one.identity(), "validation": one.judged_by(), "rule": one.rule} for one in self.subjects[1:]]
        after = {"after": settings_key(self.earlier.to_json())} if self.earlier else {}
        return {**({"also": also} if also else {}), **after}

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
            f"after-{self.recipe.keep}" if self.earlier else "",
            f"seed{run.seed}",
        ]
        path = root / self.title / run_name(parts, self.identity())
        return TuneFolder(path, full=self.recipe.method == "full")

    def chain(self, weights: Path) -> list[Link]:
        """The tunings that lead to these weights, themselves the last."""
        before = self.earlier.links if self.earlier else ()
        return [*before, link_of(self.name, weights, self.recipe.keep if self.earlier else None, self.subjects)]


def started_from(prepared: PreparedTune) -> dict[str, Any] | None:
    """The adapter that a tuning began with, and the tasks that it was tuned on; None where it began anew."""
    start = prepared.start
    if start is None:
        return None
    chain = start.card.get("chain")
    return {**start.to_json(), "task": "+".join(chain[-1]["names"]) if chain else start.card.get("task")}


def prepare_tune(settings: TuneSettings, catalog: Catalog, progress: Progress | None = None) -> PreparedTune:
    """The tuning that these settings ask for, checked as a whole.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    runs = [prepare(asked.run, catalog, progress) for asked in settings.tasks]
    _check_frozen(settings)
    start = None if settings.start is None else _start(settings, runs[0])
    links = chain_of(start) if start and settings.after else ()
    before = earlier_runs(links, settings.run, catalog)
    every = [*runs, *(run for _, run in before)]
    written = [run.task.name for run in every if run.writing is not None]
    values = {"keep": "replay", **settings.values} if settings.after else settings.values
    n_parameters = count_weights(runs[0].model.path)
    recipe = recipe_for(settings.method, n_parameters, values, settings.recipe, written=bool(written))
    _check_kept(settings, recipe, written)
    for run in runs:
        _check_aim(recipe, run.settings.rule, run.task.form)
        check_objective(run, recipe)
    if recipe.init == "shots":
        _check_alone(settings)
        check_start(recipe, settings.run, runs[0].choose)
    read = [subject(asked, run, recipe) for asked, run in zip(settings.tasks, runs, strict=True)]
    subjects = tuple(with_lessons(one, recipe) for one in read)
    kept = earlier(links, before, subjects, recipe, settings.run.seed) if settings.after else None
    notes = [*notes_of(subjects), *said_of_mix(subjects, recipe), *said_of_objective(every)]
    notes += said_of_earlier(kept, subjects) if kept else []
    lessons = mixed_lessons(subjects, recipe)
    openings = subjects[0].openings
    return PreparedTune(settings, subjects, recipe, lessons, tuple(notes), openings, start=start, earlier=kept)


def with_made(prepared: PreparedTune, augmented: Augmented) -> PreparedTune:
    """The tuning that also learns from made rows; validation and test stay as they are."""
    _check_alone(prepared.settings)
    rows = prepared.lead.rows
    lead = with_lessons(prepared.lead, prepared.recipe, [one.example for one in augmented.made])
    made = f"{len(augmented.made)} rows were made of {len(rows)} train rows: {augmented.said()}"
    notes = dict.fromkeys([*prepared.notes, *lead.notes, made])
    parts = {"subjects": (lead,), "lessons": lead.lessons, "notes": tuple(notes), "augmented": augmented}
    return replace(prepared, **parts)  # type: ignore[arg-type]


def _check_alone(settings: TuneSettings) -> None:
    """Nothing where there is one task.

    Raises:
        TuneError: there are several, and what is asked is of one.
    """
    if settings.also:
        what = "rows are made, and a prefix begins as shots, of one task"
        raise TuneError(what, fix="Name one task, or leave --augment and --init shots out.")


def _start(settings: TuneSettings, run: Prepared) -> AdapterFolder:
    """The adapter to begin with, made for this model by this method.

    Raises:
        ModelError: it cannot be read, or was made for another base.
        TuneError: it is of another method, or nothing that a training of this method can begin with.
    """
    if settings.method == "full":
        option = "--after" if settings.after else "--from"
        fix = "Name the tuned model: model=FOLDER."
        raise TuneError(f"{option} names an adapter, and --full makes none", fix=fix)
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


def _check_kept(settings: TuneSettings, recipe: Recipe, written: Sequence[str]) -> None:
    """Nothing where what is to be kept can be.

    Raises:
        TuneError: there are no earlier tasks, or their answers are none that could be kept.
    """
    if recipe.keep != "none" and not settings.after:
        fix = "Name the tuning to go on from: --after RUN, or leave --keep out."
        raise TuneError("--keep says how earlier tasks are held on to, and there are none", fix=fix)
    if recipe.keep == "distill" and written:
        what = f"answers of {', '.join(dict.fromkeys(written))} are written: they have no probabilities to keep"
        raise TuneError(what, fix=f"Use another: --keep {' or '.join(way for way in KEEPING if way != 'distill')}.")


def _check_aim(recipe: Recipe, rule: str | None, form: str) -> None:
    known = [each for each in EXAMINED_RULES if (form, each) != ("options", "batch")]
    if rule not in (None, *known):
        fix = f"Use --rule {', '.join(known)}; any other can be read off the closing run."
        raise TuneError(f"validation is not scored for the rule '{rule}', which needs reference prompts", fix=fix)
    if recipe.objective == "lm" and recipe.smoothing:
        fix = "Use objective=choice, or leave smoothing out."
        raise TuneError("smoothing goes to the other choices, which the objective lm does not read", fix=fix)
