"""The values that a search may try, the search itself, and the recipe that comes of it.

Library: Optuna; its storage stands in the sweep's folder, so a sweep that was stopped goes on. What a trial tries
depends on the seed, its number and the trials before it, and not on how often the sweep was taken up again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from promptsci.errors import TuneError
from promptsci.runs import guarded, write_atomically
from promptsci.tune.recipe import Recipe, RecipeFile

if TYPE_CHECKING:
    from optuna import Study, Trial

STARTUP = 5
"""Trials that are drawn at random and never cut short."""
WARMUP = 1
"""Examinations that a trial may have before it is cut short."""
CONTINUOUS = ("lr",)
"""Values whose range has two ends, between which the logarithm is searched; of the others one is taken."""


class Sweep:
    """A search over the stated ranges of a recipe.

    Args:
        folder: where the storage stands.
        ranges: value -> the ends of its range, or what may be tried.
        start: what the first trial tries: the recipe's own values.
        seed: of what is tried.

    Raises:
        TuneError: Optuna is not installed.
    """

    def __init__(self, folder: Path, ranges: Mapping[str, list[str]], start: Mapping[str, str], seed: int) -> None:
        self.ranges = {name: list(ranges[name]) for name in sorted(ranges)}
        self.seed = seed
        with _quietly() as optuna, guarded(folder):
            folder.mkdir(parents=True, exist_ok=True)
            journal = optuna.storages.journal.JournalFileBackend(str(folder / "optuna.log"))
            self.study: Study = optuna.create_study(
                storage=optuna.storages.JournalStorage(journal),
                study_name="sweep",
                direction="maximize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP),
                load_if_exists=True,
            )
            if not self.study.get_trials(deepcopy=False):
                self.study.enqueue_trial(self._known(start))

    def _known(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Values as Optuna keeps them, as far as the ranges hold them; the others are drawn."""
        known: dict[str, Any] = {}
        for name, choices in self.ranges.items():
            if name not in CONTINUOUS and values[name] in choices:
                known[name] = values[name]
            if name in CONTINUOUS and float(choices[0]) <= float(values[name]) <= float(choices[-1]):
                known[name] = float(values[name])
        return known

    @property
    def n_done(self) -> int:
        """Trials that have ended, however."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def ask(self) -> tuple[Trial, dict[str, str]]:
        """The next trial and its values; one that was interrupted comes first, with the values that it had."""
        with _quietly() as optuna:
            running = [one for one in self.study.get_trials() if one.state == optuna.trial.TrialState.RUNNING]
            if running:
                trial = optuna.trial.Trial(self.study, running[0]._trial_id)
            else:
                seed = self.seed * 1_000_003 + self.n_done
                self.study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
                trial = self.study.ask()
            return trial, {name: self._value(trial, name) for name in self.ranges}

    def _value(self, trial: Trial, name: str) -> str:
        choices = self.ranges[name]
        if name in CONTINUOUS:
            return f"{trial.suggest_float(name, *map(float, choices), log=True):.3g}"
        return str(trial.suggest_categorical(name, choices))

    def done(self, trial: Trial, main: float, name: str) -> None:
        """Keeps the main metric of a trial that came to its end, and the name of its tuning."""
        trial.set_user_attr("tuning", name)
        self.study.tell(trial, main)

    def stopped(self, trial: Trial, why: str | None = None) -> None:
        """Keeps that a trial was cut short, or why it failed."""
        with _quietly() as optuna:
            states = optuna.trial.TrialState
            if why is not None:
                trial.set_user_attr("error", why)
            self.study.tell(trial, state=states.PRUNED if why is None else states.FAIL)

    def trials(self) -> list[dict[str, Any]]:
        """What was tried, in order: number, values, state, best main metric, error, name of the tuning."""
        return [
            {
                "number": one.number,
                "values": {name: _text(one.params[name]) for name in self.ranges if name in one.params},
                "state": {"COMPLETE": "done", "PRUNED": "cut short", "FAIL": "failed"}.get(one.state.name, "open"),
                "main": one.value,
                "error": one.user_attrs.get("error"),
                "tuning": one.user_attrs.get("tuning"),
            }
            for one in self.study.get_trials(deepcopy=False)
            if one.params
        ]


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def best_of(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """The trial with the best main metric on validation; of equals the first.

    Raises:
        TuneError: none came to an end.
    """
    ended = [one for one in trials if one["main"] is not None and not math.isnan(one["main"])]
    if not ended:
        why = next((one["error"] for one in trials if one["error"]), "every one was cut short")
        raise TuneError(f"no trial of the sweep came to an end: {why}", fix="Give values of your own, such as lr=1e-4.")
    return max(ended, key=lambda one: one["main"])


def ranges_of(file: RecipeFile, given: Mapping[str, str]) -> dict[str, list[str]]:
    """The ranges that are searched: those of the recipe but for the values that were given.

    Raises:
        TuneError: nothing is left to search.
    """
    left = {name: choices for name, choices in file.ranges.items() if name not in given}
    if not left:
        what = "every value that the recipe has a range for is given, so there is nothing to search"
        raise TuneError(what, fix=f"Leave one of these out: {', '.join(sorted(file.ranges)) or 'the recipe has none'}.")
    return left


def write_recipe(path: Path, recipe: Recipe, ranges: Mapping[str, list[str]], about: str) -> None:
    """Writes a recipe as a file that ``promptsci tune --recipe`` reads."""
    values = {name: str(value) for name, value in recipe.model_dump().items() if name != "method"}
    whole = {"about": about, "method": recipe.method, "values": values, "ranges": dict(ranges)}
    write_atomically(path, yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120))


@contextmanager
def _quietly() -> Iterator[Any]:
    """Optuna without its log on stderr.

    Raises:
        TuneError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise TuneError("--sweep searches with Optuna, which is not installed", fix="pip install optuna") from error
    import warnings

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield optuna


def check_installed() -> None:
    """Nothing when a sweep can start.

    Raises:
        TuneError: Optuna is not installed.
    """
    with _quietly():
        return
