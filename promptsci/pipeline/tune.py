"""The story of ``tune``: train rows -> lessons -> best weights on disk, checked -> the test split through ``run``."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from promptsci.errors import Interrupted
from promptsci.pipeline.augment import write_made
from promptsci.pipeline.close import close
from promptsci.pipeline.examine import Examination, Examiner
from promptsci.pipeline.finish import check, place, training_of
from promptsci.pipeline.hold import hold_on
from promptsci.pipeline.opening import choose_opening, opening_record
from promptsci.pipeline.settings import Result
from promptsci.pipeline.stage import Stage, is_first
from promptsci.pipeline.tune_record import dtype_of, tune_record
from promptsci.pipeline.tuning import PreparedTune
from promptsci.tune.folder import TuneFolder
from promptsci.tune.lesson import epoch_length

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.memory import Need
    from promptsci.tune.recipe import Recipe
    from promptsci.tune.trainer import TuneWatcher


def plan(prepared: PreparedTune) -> dict[str, Any]:
    """What a tuning will do and take, without doing it.

    Raises:
        TuneError: too little memory.
    """
    recipe = prepared.recipe
    per_epoch = -(-epoch_length(prepared.learned) // recipe.batch)
    return {
        "task": prepared.title,
        "method": recipe.method,
        "model": prepared.run.model.name,
        "template": prepared.run.template.name,
        "format": prepared.run.format,
        "recipe": recipe.model_dump(),
        "train_rows": len(prepared.learned),
        "validation_rows": len(prepared.validation),
        "steps": per_epoch * recipe.epochs,
        "steps_per_epoch": per_epoch,
        "dtype": dtype_of(prepared),
        "memory": need(prepared).to_json(),
        "notes": list(prepared.notes),
    }


def need(prepared: PreparedTune) -> Need:
    """What the tuning takes in memory."""
    from promptsci.tune.memory import need_of

    longest = max((len(one.ids) for one in prepared.openings), default=0)
    recipe = prepared.recipe.model_copy(update={"tokens": longest}) if longest else prepared.recipe
    return need_of(prepared.run.model.path, recipe, prepared.learned, dtype_of(prepared))


def tune(prepared: PreparedTune, stage: Stage) -> Result | None:
    """The result of a tuning, made now, continued, or found finished in its folder; None on all but one process.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        TuneError: the loss became no number, memory is too small, or the weights on disk are not those trained.
    """
    folder = prepared.folder(stage.root)
    with _stoppable(folder), _alone(folder):
        _learn(prepared, folder, stage)
        return close(prepared, folder, stage) if is_first() else None


def learn(prepared: PreparedTune, stage: Stage, through: Callable[[TuneWatcher | None], TuneWatcher | None]) -> None:
    """Trains, and checks the weights on disk, without closing runs; see `tune`.

    Args:
        prepared: what is trained.
        stage: where, and who watches.
        through: makes the watcher that hears of the training first; what it raises ends the training.
    """
    folder = prepared.folder(stage.root)
    with _stoppable(folder), _alone(folder):
        _learn(prepared, folder, stage, through)


def _learn(
    prepared: PreparedTune,
    folder: TuneFolder,
    stage: Stage,
    through: Callable[[TuneWatcher | None], TuneWatcher | None] | None = None,
) -> None:
    if stage.fresh and is_first():
        folder.clear()
    if not folder.is_trained:
        with stage.training() as watcher:
            _train(prepared, folder, through(watcher) if through else watcher)


@contextmanager
def _stoppable(folder: TuneFolder) -> Iterator[None]:
    """Nothing; the keyboard's interrupt becomes an Interrupted that says what is kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"stopped; what was trained is kept in {folder.path}",
            fix="Run the same command again; it goes on from the last checkpoint.",
        ) from error


@contextmanager
def _alone(folder: TuneFolder) -> Iterator[None]:
    """The folder for this process and those that train with it."""
    if not is_first():
        yield
        return
    with folder.locked():
        yield


def _train(prepared: PreparedTune, folder: TuneFolder, watcher: TuneWatcher | None) -> None:
    """Trains to the end, puts the best weights in place, and checks that they can be read back."""
    from promptsci.tune.train import Course, train

    needs = _needs(prepared, folder)
    if is_first():
        folder.write({**tune_record(prepared, needs), "state": "training"})
        if prepared.augmented:
            write_made(folder.path / "made.jsonl", prepared.train, prepared.augmented.made)
        if prepared.lead.fresh:
            prepared.lead.fresh.write_copy(folder.path)
    by = _examined_by(prepared.recipe)
    examiner = Examiner([Examination(one.train, one.validation, one.rule, by) for one in prepared.examined], folder)
    prepared, loaded = _beginning(prepared, examiner, folder)
    held = hold_on(prepared, loaded, folder, needs.pack_tokens)
    course = Course(
        [*prepared.lessons, *held.lessons], prepared.recipe, prepared.settings.run.seed, needs.pack_tokens,
        needs.checkpointing, folder.checkpoints, prepared.settings.log_to, held.pull,
    )  # fmt: skip
    trained = train(loaded, course, examiner, watcher)
    if not is_first():
        return
    dtype = str(loaded.dtype).removeprefix("torch.")
    del loaded
    gc.collect()
    checks = check(prepared, trained, examiner, dtype)
    training = training_of(prepared, trained)
    record = {**tune_record(prepared, needs), **opening_record(prepared), "state": "trained"}
    thresholds = examiner.thresholds()
    # The weights come last: where they are, all that is said of them is there too.
    ended = {**record, "training": training, "thresholds": thresholds, "checks": checks, "log": trained.log}
    folder.write(ended)
    place(prepared, folder, trained, ended)
    folder.tidy()


def _examined_by(recipe: Recipe) -> str:
    """The main metric, or the loss that is made small; documents against each other are judged as choices."""
    losses = {"choice": "choice", "pairs": "choice", "lm": "lm"}
    return "metric" if recipe.examine == "metric" else losses[recipe.objective]


def _beginning(prepared: PreparedTune, examiner: Examiner, folder: TuneFolder) -> tuple[PreparedTune, LoadedModel]:
    """The tuning and its model before the first step, as it is examined: the base, or what an adapter begins as."""
    from promptsci.lm.load import load_model
    from promptsci.tune.methods import make_trainable
    from promptsci.tune.weights import start_from

    settings = prepared.settings.run
    loaded = load_model(
        prepared.run.model.path,
        dtype=dtype_of(prepared),
        trust_remote_code=settings.trust_remote_code,
        trainable=True,
    )
    if prepared.openings:
        prepared = choose_opening(prepared, loaded, examiner, folder, first=is_first())
        loaded = make_trainable(loaded, prepared.recipe, settings.seed, prepared.openings[0].ids)
    elif prepared.start:
        loaded = make_trainable(loaded, prepared.recipe, settings.seed)
        start_from(loaded, prepared.start.path)
    if is_first():
        examiner.begin(loaded)
    begun = prepared.openings or prepared.start
    return prepared, loaded if begun else make_trainable(loaded, prepared.recipe, settings.seed)


def _needs(prepared: PreparedTune, folder: TuneFolder) -> Need:
    """What the training takes; one that goes on keeps its passes, whose size decides the last bits of a sum."""
    from promptsci.tune.memory import Need
    from promptsci.tune.train import last_checkpoint

    if last_checkpoint(folder.checkpoints) is None:
        return need(prepared)
    return Need.from_json(folder.read()["memory"])
