"""What holds a training to its earlier tasks: kept rows, the answers kept of them, or a pull to the earlier weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptsci.pipeline.stage import is_first
from promptsci.pipeline.tuning import PreparedTune
from promptsci.tune.folder import TuneFolder
from promptsci.tune.lesson import Lesson

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.hold import Pull
    from promptsci.tune.learner import Learner


@dataclass(frozen=True)
class Held:
    """Lessons of earlier tasks that are mixed in, and the pull; either may be none."""

    lessons: tuple[Lesson, ...] = ()
    pull: Pull | None = None


def hold_on(prepared: PreparedTune, loaded: LoadedModel, folder: TuneFolder, pack_tokens: int) -> Held:
    """What holds on to earlier tasks, found with the weights as they were before the first step, once and kept.

    Args:
        prepared: the tuning.
        loaded: the model with the weights that the training begins with.
        folder: where what was found is kept for a training that goes on.
        pack_tokens: tokens in one pass.
    """
    recipe = prepared.recipe
    if prepared.earlier is None or not prepared.earlier.lessons:
        return Held()
    if recipe.keep == "ewc":
        return Held(pull=_pull(prepared, loaded, folder, pack_tokens))
    if recipe.keep != "distill":
        return Held(prepared.kept)
    from promptsci.tune.hold import answers, softened

    told = folder.read_answers()
    if told is None:
        told = answers(_learner(prepared, loaded, pack_tokens), prepared.kept, recipe.temperature)
        if is_first():
            folder.write_answers(told)
    return Held(tuple(softened(prepared.kept, told, recipe.distill)))


def _pull(prepared: PreparedTune, loaded: LoadedModel, folder: TuneFolder, pack_tokens: int) -> Pull:
    from promptsci.tune.hold import Pull, importance, weights_of

    assert prepared.earlier is not None, "there is something to hold on to"
    found = folder.read_importance()
    if found is None:
        tasks = [one.lessons for one in prepared.earlier.subjects if one.lessons]
        found = importance(_learner(prepared, loaded, pack_tokens), tasks, prepared.settings.run.seed)
        if is_first():
            folder.write_importance(found)
    anchors = weights_of(loaded)
    return Pull(prepared.recipe.ewc, {name: part.to(loaded.device) for name, part in found.items()}, anchors)


def _learner(prepared: PreparedTune, loaded: LoadedModel, pack_tokens: int) -> Learner:
    from promptsci.tune.learner import Aim, Learner

    return Learner(loaded, Aim(prepared.recipe.objective), pack_tokens)
