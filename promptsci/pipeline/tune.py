"""The story of ``tune``: train rows -> lessons -> best weights on disk, checked -> the test split through ``run``."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import Interrupted
from promptsci.pipeline.augment import write_made
from promptsci.pipeline.bars import WatchRun, alarms, counted, prompting
from promptsci.pipeline.classifier import ClassifierSettings
from promptsci.pipeline.examine import Examiner
from promptsci.pipeline.finish import check, place, training_of
from promptsci.pipeline.opening import choose_opening, opening_record
from promptsci.pipeline.prepare import prepare
from promptsci.pipeline.record import lasting, lasting_settings, versions
from promptsci.pipeline.run import LMs, folder_of, run
from promptsci.pipeline.settings import Result, Settings
from promptsci.pipeline.tuning import PreparedTune, started_from
from promptsci.tune.folder import TuneFolder

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.memory import Need
    from promptsci.tune.recipe import Recipe
    from promptsci.tune.trainer import TuneWatcher

WatchTraining = Callable[[], Any]
"""Makes a context manager that gives the TuneWatcher of the training."""


def plan(prepared: PreparedTune) -> dict[str, Any]:
    """What a tuning will do and take, without doing it.

    Raises:
        TuneError: too little memory.
    """
    lessons, recipe = prepared.lessons, prepared.recipe
    per_epoch = -(-len(lessons) // recipe.batch)
    return {
        "task": prepared.run.task.name,
        "method": recipe.method,
        "model": prepared.run.model.name,
        "template": prepared.run.template.name,
        "format": prepared.run.format,
        "recipe": recipe.model_dump(),
        "train_rows": len(lessons),
        "validation_rows": len(prepared.validation),
        "steps": per_epoch * recipe.epochs,
        "steps_per_epoch": per_epoch,
        "dtype": _dtype(prepared),
        "memory": need(prepared).to_json(),
        "notes": list(prepared.notes),
    }


def need(prepared: PreparedTune) -> Need:
    """What the tuning takes in memory."""
    from promptsci.tune.memory import need_of

    longest = max((len(one.ids) for one in prepared.openings), default=0)
    recipe = prepared.recipe.model_copy(update={"tokens": longest}) if longest else prepared.recipe
    return need_of(prepared.run.model.path, recipe, prepared.lessons, _dtype(prepared))


def _dtype(prepared: PreparedTune) -> str:
    """Precision of the weights in training: all that learn are float32, frozen ones may be shorter."""
    import torch

    from promptsci.lm.load import pick_dtype

    if prepared.recipe.method == "full":
        return "float32"
    picked = pick_dtype(prepared.settings.run.dtype, "cuda" if torch.cuda.is_available() else "cpu")
    # Gradients in float16 become zero or infinite where bfloat16's do not.
    return "float32" if picked == "float16" else picked


@dataclass(frozen=True)
class Stage:
    """Where a tuning plays, and who watches.

    Attributes:
        root: the folder of all runs.
        lms: loads models for the closing runs.
        fresh: forget what an earlier call has stored.
        watch_training: watches the training.
        watch_run: watches the closing runs.
    """

    root: Path
    lms: LMs
    fresh: bool = False
    watch_training: WatchTraining | None = None
    watch_run: WatchRun | None = None


def tune(prepared: PreparedTune, stage: Stage) -> Result | None:
    """The result of a tuning, made now, continued, or found finished in its folder; None on all but one process.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        TuneError: the loss became no number, memory is too small, or the weights on disk are not those trained.
    """
    folder = prepared.folder(stage.root)
    with _stoppable(folder), _alone(folder):
        _learn(prepared, folder, stage)
        return _close(prepared, folder, stage) if is_first() else None


def learn(prepared: PreparedTune, stage: Stage, through: Callable[[TuneWatcher | None], TuneWatcher]) -> None:
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
    through: Callable[[TuneWatcher | None], TuneWatcher] | None = None,
) -> None:
    if stage.fresh and is_first():
        folder.clear()
    if not folder.is_trained:
        with stage.watch_training() if stage.watch_training else nullcontext() as watcher:
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


def is_first() -> bool:
    """Whether this process is the only one, or the first of several."""
    import os

    return os.environ.get("RANK", "0") == "0"


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
        folder.write({**_record(prepared, needs), "state": "training"})
        if prepared.augmented:
            write_made(folder.path / "made.jsonl", prepared.train, prepared.augmented.made)
    by = _examined_by(prepared.recipe)
    examiner = Examiner(prepared.train, prepared.validation, prepared.rule, folder, by)
    prepared, loaded = _beginning(prepared, examiner, folder)
    course = Course(
        prepared.lessons, prepared.recipe, prepared.settings.run.seed, needs.pack_tokens, needs.checkpointing,
        folder.checkpoints, prepared.settings.log_to,
    )  # fmt: skip
    trained = train(loaded, course, examiner, watcher)
    if not is_first():
        return
    dtype = str(loaded.dtype).removeprefix("torch.")
    del loaded
    gc.collect()
    checks = check(prepared, trained, examiner, dtype)
    training = training_of(prepared, trained)
    record = {**_record(prepared, needs), **opening_record(prepared), "state": "trained"}
    # The weights come last: where they are, all that is said of them is there too.
    ended = {**record, "training": training, "thresholds": examiner.thresholds(), "checks": checks, "log": trained.log}
    folder.write(ended)
    place(prepared, folder, trained, ended)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


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
        dtype=_dtype(prepared),
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


def lasting_tune(prepared: PreparedTune) -> dict[str, Any]:
    """The settings, with every path written so that it holds from any folder."""
    stored = {**asdict(prepared.settings), "run": lasting_settings(prepared.run)}
    return lasting(stored, {name: getattr(prepared.settings, name) is not None for name in ("recipe", "start")})


def _record(prepared: PreparedTune, needs: Need) -> dict[str, Any]:
    """The part of tune.json that is known before the first step."""
    run = prepared.run
    return {
        "format_version": 1,
        "name": prepared.name,
        "task": run.task.name,
        "template": run.template.name,
        "model": {"name": run.model.name, "sha256": run.model.sha256, "origin": run.model.origin},
        "method": prepared.recipe.method,
        "format": run.format,
        "recipe": prepared.recipe.model_dump(),
        "rule": prepared.rule,
        "settings": lasting_tune(prepared),
        "identity": prepared.identity(),
        "from": started_from(prepared),
        "train_rows": len(prepared.lessons),
        "validation_rows": len(prepared.validation),
        "carved": prepared.carved,
        "memory": needs.to_json(),
        "dtype": _dtype(prepared),
        "versions": versions(),
        "notes": list(prepared.notes),
        **({"augmented": prepared.augmented.to_json()} if prepared.augmented else {}),
    }


def _close(prepared: PreparedTune, folder: TuneFolder, stage: Stage) -> Result:
    """Runs the bars and the tuned weights on the split asked for, and says how they compare."""
    record = folder.read()
    base = prepared.settings.run
    weights = str(folder.weights)
    full = prepared.recipe.method == "full"
    tuned = replace(base, model=weights) if full else replace(base, adapter=weights)
    words, notes = _count_words(prepared, stage)
    results = [*words, *(_score(settings, prepared, stage) for settings in (*prompting(base, record), tuned))]
    higher = prepared.run.metrics[0].higher_is_better
    warnings = [*record["notes"], *notes, *alarms(results[:-1], results[-1], higher=higher)]
    ended = {**record, "state": "done", "runs": [result["run_dir"] for result in results], "warnings": warnings}
    folder.write(ended)
    return {**ended, "runs": results, "tune_dir": str(folder.path), "weights": weights}


def _score(settings: Settings, prepared: PreparedTune, stage: Stage) -> Result:
    """The result of a closing run, made now or found finished."""
    one = prepare(settings, prepared.run.catalog)
    with stage.watch_run(one) if stage.watch_run else nullcontext() as watcher:
        return run(one, folder_of(one, stage.root), stage.lms, fresh=stage.fresh, watcher=watcher)


def _count_words(prepared: PreparedTune, stage: Stage) -> tuple[list[Result], list[str]]:
    """The result of a method without a model, on the rows that tuning learns from."""
    asked, tuning = prepared.settings.run, prepared.settings
    settings = ClassifierSettings(
        asked.task,
        "",
        data=asked.data,
        split=asked.split,
        pool=tuning.train,
        pool_rows=tuning.train_rows,
        seed=asked.seed,
        limit=asked.limit,
    )
    return counted(settings, prepared.run.catalog, stage.root, fresh=stage.fresh, watch=stage.watch_run)
