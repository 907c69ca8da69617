"""The story of a classifier head: lessons in the template's words -> training -> the test split as a Run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import Attempts, SpecError, did_you_mean, raise_all
from promptsci.lm import Progress, resolve
from promptsci.pipeline.bars import WatchRun, alarms, counted
from promptsci.pipeline.classifier import ClassifierSettings, PreparedClassifier, Read, prepare_classifier
from promptsci.pipeline.classify import classifier_folder, classify
from promptsci.pipeline.lessons import drawn
from promptsci.pipeline.run import Watcher
from promptsci.pipeline.settings import Result
from promptsci.prompt import Assembler
from promptsci.spec import Catalog, Task, Template, check_fit
from promptsci.tune.head import Head
from promptsci.tune.head_recipe import HeadRecipe

if TYPE_CHECKING:
    from promptsci.tune.head_training import Report

DEFAULT_BODY = "minilm"
COUNTS = ("epochs", "batch", "patience", "negatives")


@dataclass(frozen=True)
class HeadSettings(ClassifierSettings):
    """The settings of a head: those of a classifier, whether the body is frozen, and changes of the recipe.

    Attributes:
        frozen: whether only the linear layer is trained.
        recipe: value name -> value; the others are the recipe's own.
    """

    method: str = "head"
    model: str | None = DEFAULT_BODY
    frozen: bool = False
    recipe: dict[str, Any] | None = None


def prepare_head(
    settings: HeadSettings, catalog: Catalog, report: Report, progress: Progress | None = None
) -> PreparedClassifier:
    """The head that these settings ask for, checked as a whole before anything is trained.

    Raises:
        PromptsciError: one thing is wrong.
        Problems: several things are.
    """
    task = catalog.task(settings.task)
    attempt = Attempts()
    recipe = attempt(lambda: recipe_with(settings.recipe or {}))
    template = attempt(lambda: catalog.template(settings.template, task))
    if template is not None:
        attempt(lambda: check_fit(template, task))
    model = attempt(lambda: resolve(settings.model or DEFAULT_BODY, progress=progress))
    raise_all(attempt.problems)
    assert recipe is not None
    assert template is not None
    assert model is not None
    head = Head(model, recipe, frozen=settings.frozen, report=report)
    pick = (lambda rows: drawn(rows, recipe.negatives, settings.seed)) if task.relevance else (lambda rows: (rows, []))
    prepared = prepare_classifier(settings, catalog, head, _read(task, template), pick)
    return replace(prepared, template=template, model=model)


def _read(task: Task, template: Template) -> Read:
    """What a head reads of an example: the template's input block, or the very text whose words are tagged."""
    if task.spans is None:
        return Assembler(task, template).query
    field = task.spans.text
    return lambda example: str(example.fields[field])


def recipe_with(changes: dict[str, Any]) -> HeadRecipe:
    """The recipe with some values changed; a value given as text is read as the value's own type.

    Raises:
        SpecError: an unknown name, or a value that cannot be.
    """
    usual = HeadRecipe()
    known = {field.name: type(getattr(usual, field.name)) for field in fields(HeadRecipe)}
    read: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise SpecError(f"the recipe of a head has no '{name}'", fix=did_you_mean(name, known))
        try:
            read[name] = known[name](value)
        except ValueError as error:
            raise SpecError(f"{name}={value} is no {known[name].__name__}", fix=f"Write {name}=NUMBER.") from error
        if (known[name] is not str and read[name] < 0) or (name in COUNTS and read[name] < 1):
            raise SpecError(f"{name}={value} is too small", fix=f"The usual value is {getattr(usual, name)}.")
    if read.get("class_weights", "none") not in ("balanced", "none"):
        raise SpecError(f"there are no class weights '{read['class_weights']}'", fix="Known: balanced, none.")
    return replace(usual, **read)


def tune_head(
    prepared: PreparedClassifier, root: Path, *, fresh: bool = False, watcher: Watcher | None = None
) -> Result:
    """The result of a head on the split to score: trained now, continued, or found finished in its Run folder.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on from the last epoch.
        PromptsciError: the body cannot be loaded, or the folder cannot be written.
    """
    folder = classifier_folder(prepared, root)
    if fresh:
        folder.check_idle()
        for name in ("model", "trainer"):
            shutil.rmtree(folder.path / name, ignore_errors=True)
    return classify(prepared, folder, fresh=fresh, watcher=watcher)


def beside_bars(
    prepared: PreparedClassifier, result: Result, root: Path, *, fresh: bool = False, watch: WatchRun | None = None
) -> Result:
    """The result of a head with its bars, and a loud word for each that it is below."""
    bars, notes = counted(prepared.settings, prepared.catalog, root, fresh=fresh, watch=watch)
    loud = alarms(bars, result, higher=prepared.metrics[0].higher_is_better)
    return {**result, "bars": bars, "warnings": [*result["warnings"], *notes, *loud]}
