"""The same rows asked otherwise: what a good method should not mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptsci.data import Example
from promptsci.errors import SpecError, did_you_mean
from promptsci.pipeline.settings import Settings
from promptsci.prompt import Chooser
from promptsci.prompt.shots import rank
from promptsci.rewrite import EDITS, TEXT_FORMS, rewritten
from promptsci.spec import Catalog, Task

TEXT_PERTURBATIONS = ("typos", "case", "citations")
PERTURBATIONS = (*TEXT_PERTURBATIONS, "order", "wording")
SEED = "perturb 0"
"""Of what is drawn for a row: runs that differ in their seed are compared on the same perturbed rows."""


@dataclass(frozen=True)
class Perturbed:
    """Rows and shots as they are asked, and what the result must say."""

    examples: tuple[Example, ...]
    chooser: Chooser
    notes: tuple[str, ...] = ()


class AsClean:
    """Chooses the shots that a row has when nothing is perturbed, so that its text alone is another."""

    def __init__(self, chooser: Chooser, clean: Sequence[Example]) -> None:
        self.chooser = chooser
        self.clean = {example.id: example for example in clean}

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query."""
        return self.chooser.shots(self.clean[query.id])

    def check(self, query: Example) -> None:
        """Nothing when there are shots for the query."""
        self.chooser.check(self.clean[query.id])


class OtherOrder:
    """The same shots in another order, one for the whole run, so that rows still share them."""

    def __init__(self, chooser: Chooser, n: int, seed: int) -> None:
        self.chooser = chooser
        places = sorted(range(n), key=lambda place: rank(seed, "order", str(place)))
        self.places = places if places != sorted(places) else places[::-1]

    def shots(self, query: Example) -> list[Example]:
        """The shots of a query."""
        found = self.chooser.shots(query)
        return [found[place] for place in self.places]

    def check(self, query: Example) -> None:
        """Nothing when there are shots for the query."""
        self.chooser.check(query)


def check_perturbation(settings: Settings, task: Task) -> None:
    """Nothing where a run can be perturbed so.

    Raises:
        SpecError: there is no such perturbation, or it changes nothing here, or it would change the right answer.
    """
    name = settings.perturb
    if name is None:
        return
    if name not in PERTURBATIONS:
        raise SpecError(f"there is no perturbation '{name}'", fix=did_you_mean(name, PERTURBATIONS))
    if name in TEXT_PERTURBATIONS and task.form not in TEXT_FORMS:
        what = f"{name} would move what the right answers of {task.name} point at in the text"
        raise SpecError(what, fix="Use --perturb order,wording.")
    if name == "order" and settings.shots < 2:
        raise SpecError(f"{settings.shots} shots have one order only", fix="Use --shots 2 or more, or leave order out.")


def perturb(settings: Settings, task: Task, examples: tuple[Example, ...], chooser: Chooser) -> Perturbed:
    """The rows and the chooser of a run, perturbed as its settings say."""
    name = settings.perturb
    if name == "order":
        return Perturbed(examples, OtherOrder(chooser, settings.shots, settings.seed))
    if name not in TEXT_PERTURBATIONS:
        return Perturbed(examples, chooser)
    changed = tuple(rewritten(example, EDITS[name], task, SEED, name) for example in examples)
    same = sum(one.fields == other.fields for one, other in zip(examples, changed, strict=True))
    notes = (f"perturbed by {name}: {same} of {len(examples)} rows have nothing to perturb and stay as they are",)
    return Perturbed(changed, AsClean(chooser, examples), notes if same else ())


def perturbed_settings(settings: Settings, name: str, catalog: Catalog) -> Settings:
    """The settings of the same run, perturbed; another wording is the next of the task's, in their order.

    Raises:
        SpecError: the task has no other wording.
    """
    if name != "wording":
        return replace(settings, perturb=name)
    task = catalog.task(settings.task)
    wordings = list(catalog.wordings(task))
    used = catalog.template(settings.template, task).name.rsplit("/", 1)[-1]
    others = [wording for wording in wordings if wording.rsplit("/", 1)[-1] != used]
    if not others:
        what = f"{task.name} has the wording '{used}' only"
        raise SpecError(what, fix=f"Write another: promptsci new template={task.name}/mine, or leave wording out.")
    later = [wording for wording in others if wording.rsplit("/", 1)[-1] > used]
    return replace(settings, perturb=name, template=(later or others)[0])
