"""The story of ``tune``: train rows -> lessons -> best weights on disk, checked -> the test split through ``run``."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import Interrupted, TuneError
from promptsci.lm import read_adapter
from promptsci.pipeline.examine import Examiner, furthest
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.record import peak_memory_bytes, versions
from promptsci.pipeline.run import LMs, Watcher, folder_of, run
from promptsci.pipeline.settings import Result
from promptsci.pipeline.tuning import PreparedTune, lasting
from promptsci.tune.folder import TuneFolder

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.memory import Need
    from promptsci.tune.train import Trained
    from promptsci.tune.trainer import TuneWatcher

RELOAD_NATS = {"float32": 1e-5, "bfloat16": 1e-2, "float16": 1e-2}
"""How far weights read from disk may be from those in memory, by what precision they are scored in."""

WatchRun = Callable[[Prepared], Any]
"""A context manager that gives the Watcher of one run."""


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

    return need_of(prepared.run.model.path, prepared.recipe, prepared.lessons, _dtype(prepared))


def _dtype(prepared: PreparedTune) -> str:
    """Precision of the weights in training: all that learn are float32, frozen ones may be shorter."""
    import torch

    from promptsci.lm.load import pick_dtype

    if prepared.recipe.method == "full":
        return "float32"
    return pick_dtype(prepared.settings.run.dtype, "cuda" if torch.cuda.is_available() else "cpu")


def tune(
    prepared: PreparedTune,
    root: Path,
    lms: LMs,
    *,
    fresh: bool = False,
    watcher: TuneWatcher | None = None,
    watch_run: WatchRun | None = None,
) -> Result | None:
    """The result of a tuning, made now, continued, or found finished in its folder; None on all but one process.

    Args:
        prepared: what to do.
        root: the folder of all runs.
        lms: loads models for the closing runs.
        fresh: forget what an earlier call has stored.
        watcher: hears of the training.
        watch_run: watches the closing runs.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        TuneError: the loss became no number, memory is too small, or the weights on disk are not those trained.
    """
    folder = prepared.folder(root)
    try:
        with _alone(folder):
            if fresh and is_first():
                folder.clear()
            if not folder.is_trained:
                _train(prepared, folder, watcher)
            if not is_first():
                return None
            return _close(prepared, folder, root, lms, fresh=fresh, watch_run=watch_run)
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
    from promptsci.lm.load import load_model
    from promptsci.tune.methods import make_trainable
    from promptsci.tune.train import Course, train

    needs = need(prepared)
    settings, recipe = prepared.settings.run, prepared.recipe
    record = _record(prepared, needs)
    if is_first():
        folder.write({**record, "state": "training"})
    loaded = load_model(
        prepared.run.model.path,
        dtype=_dtype(prepared),
        trust_remote_code=settings.trust_remote_code,
        trainable=True,
    )
    examiner = Examiner(prepared.train, prepared.validation, prepared.rule, folder)
    if is_first():
        examiner.begin(loaded)
    loaded = make_trainable(loaded, recipe, settings.seed)
    course = Course(
        prepared.lessons, recipe, settings.seed, needs.pack_tokens, needs.checkpointing,
        folder.checkpoints, prepared.settings.log_to,
    )  # fmt: skip
    trained = train(loaded, course, examiner, watcher)
    if not is_first():
        return
    dtype = str(loaded.dtype).removeprefix("torch.")
    del loaded
    gc.collect()
    checks = _check(prepared, trained, examiner, dtype)
    training = _training(prepared, trained)
    _place(prepared, folder, trained, training)
    folder.write({**record, "state": "trained", "training": training, "checks": checks, "log": trained.log})
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


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
        "settings": lasting(prepared.settings),
        "identity": prepared.identity(),
        "train_rows": len(prepared.lessons),
        "validation_rows": len(prepared.validation),
        "carved": prepared.carved,
        "memory": needs.to_json(),
        "dtype": _dtype(prepared),
        "versions": versions(),
        "notes": list(prepared.notes),
    }


def _training(prepared: PreparedTune, trained: Trained) -> dict[str, Any]:
    """What the training cost and what it was, as every Run with these weights repeats it."""
    recipe = prepared.recipe
    files = [path for path in trained.best.glob("*.safetensors") if path.is_file()]
    return {
        "method": recipe.method,
        "objective": recipe.objective,
        "examples": len(prepared.lessons),
        "epochs": recipe.epochs,
        "steps": trained.n_steps,
        "best_step": trained.best_step,
        "best_validation": trained.best_metric,
        "seconds": trained.seconds,
        "tokens": trained.tokens,
        "trainable_parameters": trained.trainable,
        "adapter_bytes": sum(path.stat().st_size for path in files),
        "peak_memory_bytes": peak_memory_bytes(),
        "packed": trained.why_padded is None,
        "name": prepared.name,
    }


def _check(prepared: PreparedTune, trained: Trained, examiner: Examiner, dtype: str) -> dict[str, float]:
    """How far the weights on disk are from those in memory and from the base, in nats.

    Raises:
        TuneError: they are not those that were trained, or change nothing.
    """
    measured = examiner.folder.read_measured()
    assert measured is not None
    now = examiner.nats(_reload(prepared, trained.best, dtype))
    reload_nats, base_nats = furthest(now, measured["best"]), furthest(now, measured["base"])
    if not reload_nats <= RELOAD_NATS[dtype]:
        raise TuneError(
            f"the weights read back from disk score {reload_nats:.2g} nats away from those in memory",
            where=str(trained.best),
            fix="This is a fault of promptsci or PEFT; please report it with the versions in tune.json.",
        )
    if base_nats <= RELOAD_NATS[dtype]:
        raise TuneError(
            "training changed nothing: the tuned model scores as its base does",
            where=str(trained.best),
            fix="Use a higher rate (lr=...) or more epochs (epochs=...).",
        )
    return {"reload_nats": reload_nats, "base_nats": base_nats, **measured["base_metrics"]}


def _reload(prepared: PreparedTune, path: Path, dtype: str) -> LoadedModel:
    """The tuned model as it stands on disk."""
    from promptsci.lm.adapter import attach
    from promptsci.lm.load import load_model

    if prepared.recipe.method == "full":
        return load_model(path, dtype=dtype, trainable=True)
    base = load_model(
        prepared.run.model.path,
        dtype=dtype,
        trust_remote_code=prepared.settings.run.trust_remote_code,
        trainable=True,
    )
    return attach(base, read_adapter(path))


def _place(prepared: PreparedTune, folder: TuneFolder, trained: Trained, training: Mapping[str, Any]) -> None:
    """Puts the best weights where they stay, with a card that says what they are."""
    import json

    from promptsci.lm.adapter import CARD
    from promptsci.tune.weights import WEIGHTS

    source = folder.path / ".finished"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for path in trained.best.iterdir():
        if path.name in WEIGHTS or path.suffix == ".safetensors":
            shutil.copy2(path, source / path.name)
    if prepared.recipe.method == "full":
        _copy_the_rest(prepared.run.model.path, source)
    card = {
        "name": prepared.name,
        "method": prepared.recipe.method,
        "rule": prepared.rule,
        "task": prepared.run.task.name,
        "template": prepared.run.template.name,
        "format": prepared.run.format,
        "base": {"name": prepared.run.model.name, "sha256": prepared.run.model.sha256},
        "training": dict(training),
    }
    (source / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    folder.place(source)


def _copy_the_rest(base: Path, target: Path) -> None:
    """Configuration and tokenizer of a whole model are those of its base."""
    from promptsci.lm.folder import decides

    for path in base.iterdir():
        if path.is_file() and decides(path.name) and not path.name.endswith((".safetensors", ".safetensors.index.json")):
            shutil.copy2(path, target / path.name)


def _close(
    prepared: PreparedTune, folder: TuneFolder, root: Path, lms: LMs, *, fresh: bool, watch_run: WatchRun | None
) -> Result:
    """Runs the base and the tuned weights on the split asked for, and says how they compare."""
    record = folder.read()
    settings = prepared.settings.run
    tuned = {"model": str(folder.weights)} if prepared.recipe.method == "full" else {"adapter": str(folder.weights)}
    results = []
    for asked in (settings, replace(settings, **tuned)):
        one = prepare(asked, prepared.run.catalog)
        with watch_run(one) if watch_run else _unwatched() as watcher:
            results.append(run(one, folder_of(one, root), lms, fresh=fresh, watcher=watcher))
    warnings = [*record["notes"], *_alarm(results[0], results[1])]
    ended = {**record, "state": "done", "runs": [result["run_dir"] for result in results], "warnings": warnings}
    folder.write(ended)
    return {**ended, "runs": results, "tune_dir": str(folder.path), "weights": str(folder.weights)}


@contextmanager
def _unwatched() -> Iterator[Watcher | None]:
    yield None


def _alarm(base: Result, tuned: Result) -> list[str]:
    """What must be said loudly: tuning that is worse than not tuning."""
    name = tuned["main"]
    before, after = base["metrics"][name]["value"], tuned["metrics"][name]["value"]
    if after >= before:
        return []
    return [
        f"TUNED BELOW ITS OWN BASE: {name} is {100 * after:.1f} after tuning and {100 * before:.1f} by "
        f"{base['method']} prompting of the same model"
    ]
