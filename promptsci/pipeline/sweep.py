"""The story of ``tune --sweep N``: trials, judged on validation alone -> the best values as a recipe.

Each trial is a tuning like any other in a folder of the sweep's own. Of their weights the best are kept, and put where
``tune`` with the new recipe looks for them, so that they are not trained again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import RunError, TuneError
from promptsci.lm import count_weights
from promptsci.pipeline.settings import Settings
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.tune import learn
from promptsci.pipeline.tuning import PreparedTune, TuneSettings, prepare_tune
from promptsci.runs import run_name
from promptsci.spec import Catalog
from promptsci.tune.recipe import recipe_file, recipe_for
from promptsci.tune.sweep import Sweep, best_of, ranges_of, write_recipe

if TYPE_CHECKING:
    import optuna

    from promptsci.tune.trainer import TuneWatcher

Report = Callable[[Mapping[str, Any], int], None]
"""Hears of a trial that has ended, and of how many trials there will be."""


class Pruning:
    """A watcher that hands examinations on to the search, and stops a training that the search gives up.

    Args:
        trial: what is tried.
        epochs: of the training; an examination counts by the epoch that it ends.
        watcher: who else watches.
    """

    def __init__(self, trial: optuna.Trial, epochs: int, watcher: TuneWatcher | None) -> None:
        self.trial = trial
        self.epochs = epochs
        self.watcher = watcher
        self._done = self._steps = 0

    def start(self, n_steps: int, n_done: int) -> None:
        """Steps in all, and steps that an earlier call has done."""
        self._steps, self._done = n_steps, n_done
        if self.watcher:
            self.watcher.start(n_steps, n_done)

    def step(self, n_lessons: int, n_tokens: int) -> None:
        """A step is done."""
        self._done += 1
        if self.watcher:
            self.watcher.step(n_lessons, n_tokens)

    def told(self, news: Mapping[str, float]) -> None:
        """Loss and rate, or the metrics of an examination.

        Raises:
            optuna.TrialPruned: others did better by now.
        """
        import optuna

        if self.watcher:
            self.watcher.told(news)
        if "eval_main" in news:
            self.trial.report(news["eval_main"], step=round(self._done * self.epochs / self._steps))
            if self.trial.should_prune():
                raise optuna.TrialPruned


def sweep(settings: TuneSettings, n_trials: int, catalog: Catalog, stage: Stage, report: Report) -> dict[str, Any]:
    """What a sweep came to: its trials, the best values, and the recipe file; made now, continued, or found finished.

    Args:
        settings: of every trial; the values given there are fixed.
        n_trials: how many trials there are in all, those of earlier calls among them.
        catalog: where task and template are found.
        stage: where runs stand, and who watches.
        report: hears of each trial.

    Raises:
        TuneError: nothing to search, no trial came to an end, or Optuna is not installed.
        Interrupted: stopped by the keyboard; the same command goes on.
    """
    from filelock import FileLock, Timeout

    prepared = prepare_tune(settings, catalog)
    ranges = ranges_of(recipe_file(settings.method, settings.recipe), settings.values)
    folder = _folder(prepared, ranges, stage.root)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            if stage.fresh:
                _clear(folder)
            start = {name: _written(value) for name, value in prepared.recipe.model_dump().items()}
            search = Sweep(folder, ranges, start, settings.run.seed)
            while search.n_done < n_trials:
                _try_one(search, settings, catalog, replace(stage, root=folder / "trials", fresh=False))
                report(search.trials()[-1], n_trials)
            return _end(search, settings, prepared, stage.root, folder)
    except Timeout as error:
        fix = "Wait until it is done; the same command then prints its result."
        raise RunError("another process is working on this sweep", where=str(folder), fix=fix) from error


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _folder(prepared: PreparedTune, ranges: Mapping[str, list[str]], root: Path) -> Path:
    """Where the sweep stands on disk: the same for the same tuning and ranges, however many trials are asked for."""
    parts = [
        "sweep",
        prepared.recipe.method,
        prepared.run.template.name.rsplit("/", 1)[-1],
        prepared.run.model.name,
        f"seed{prepared.settings.run.seed}",
    ]
    identity = {"tuning": prepared.identity(), "ranges": dict(ranges)}
    return root / prepared.title / run_name(parts, identity)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder / "trials", ignore_errors=True)
    for path in (folder / "optuna.log", folder / RECIPE):
        path.unlink(missing_ok=True)


RECIPE = "recipe.yaml"


def _try_one(search: Sweep, settings: TuneSettings, catalog: Catalog, stage: Stage) -> None:
    """One trial: trained to its end, cut short, or failed."""
    import optuna

    trial, values = search.ask()
    prepared = prepare_tune(replace(settings, values={**settings.values, **values}), catalog)
    folder = prepared.folder(stage.root)
    try:
        learn(prepared, stage, lambda watcher: Pruning(trial, prepared.recipe.epochs, watcher))
    except optuna.TrialPruned:
        search.stopped(trial)
        shutil.rmtree(folder.path)
    except TuneError as error:
        search.stopped(trial, error.what)
        shutil.rmtree(folder.path, ignore_errors=True)
    else:
        search.done(trial, folder.read()["training"]["best_validation"], folder.path.name)
        best = best_of(search.trials())["tuning"]
        for path in stage.root.glob("*/*"):
            if path.name != best:
                shutil.rmtree(path)


def _command(settings: TuneSettings, recipe: Path) -> str:
    """The command that tunes with the recipe, on the same task, wording, model and data."""
    run = settings.run
    nouns = {name: getattr(run, name) for name in ("task", "template", "model", "data", "split")}
    usual = Settings(run.task)
    nouns["task"] = ",".join(one.run.task for one in settings.tasks)
    words = [f"{name}={value}" for name, value in nouns.items() if name == "task" or value != getattr(usual, name)]
    return " ".join(["promptsci tune", *words, f"--recipe {recipe}"])


def _end(search: Sweep, settings: TuneSettings, prepared: PreparedTune, root: Path, folder: Path) -> dict[str, Any]:
    """Writes the recipe, puts the best weights where ``tune`` looks for them, and says what came of it."""
    trials = search.trials()
    best = best_of(trials)
    n_weights = count_weights(prepared.run.model.path)
    values, written = {**settings.values, **best["values"]}, prepared.run.writing is not None
    recipe = recipe_for(settings.method, n_weights, values, settings.recipe, written=written)
    about = (
        f"Chosen by a sweep of {len(trials)} trials on {prepared.title} ({prepared.run.model.name}), "
        f"{len(prepared.validation)} validation rows: {best['main']:.4f}."
    )
    write_recipe(folder / RECIPE, recipe, search.ranges, about)
    for path in (folder / "trials").glob("*/*"):
        kept = root / prepared.title / path.name
        if not kept.exists():
            shutil.copytree(path, kept)
    return {
        "task": prepared.title,
        "method": recipe.method,
        "model": prepared.run.model.name,
        "template": prepared.run.template.name,
        "metric": prepared.run.metrics[0].name,
        "validation_rows": len(prepared.validation),
        "ranges": search.ranges,
        "trials": trials,
        "best": best,
        "recipe": recipe.model_dump(),
        "recipe_file": str(folder / RECIPE),
        "notes": list(prepared.notes),
        "sweep_dir": str(folder),
        "next": _command(settings, folder / RECIPE),
    }
