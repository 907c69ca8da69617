"""The story of ``update``: new rows and kept old ones -> weights that go on from the current ones -> the better stay.

The weights in use are named by ``current.json`` in the folder of the tuning that is updated. New ones take their place
only when a paired test on the task's frozen test split does not show that they do harm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from promptsci.compare import harm
from promptsci.errors import RunError, TuneError
from promptsci.lm import AdapterFolder, Progress, read_adapter
from promptsci.pipeline.chain import Link, chain_of
from promptsci.pipeline.settings import Result
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.tune import learn
from promptsci.pipeline.tuning import PreparedTune, TuneSettings, prepare_tune
from promptsci.runs import RunFolder, write_atomically
from promptsci.spec import Catalog
from promptsci.tune.folder import CURRENT, read_current


@dataclass(frozen=True)
class UpdateSettings:
    """What an update is asked to do.

    Attributes:
        adapter: the adapter of the tuning that is updated; ``current.json`` beside it says what is in use by now.
        data: the new rows, as ``data=`` names them.
        values: of the recipe, beside those that the weights were tuned with.
        margin: how much of the metric may be lost.
        alpha: of the test.
    """

    adapter: Path
    data: str
    values: Mapping[str, str] = field(default_factory=dict)
    margin: float = 0.0
    alpha: float = 0.05


@dataclass(frozen=True)
class PreparedUpdate:
    """An update that can start.

    Attributes:
        settings: what is asked.
        tuning: the training.
        old: the adapter that is in use.
        history: what earlier updates came to.
    """

    settings: UpdateSettings
    tuning: PreparedTune
    old: AdapterFolder
    history: tuple[dict[str, Any], ...]


def prepare_update(settings: UpdateSettings, catalog: Catalog, progress: Progress | None = None) -> PreparedUpdate:
    """The update that these settings ask for, checked before a model is loaded.

    Raises:
        TuneError: the weights are for several tasks, or it is not known how they were tuned.
        PromptsciError: the new rows cannot be read, or none of them may be learned from.
    """
    home = settings.adapter.parent
    current = read_current(home)
    history = tuple(current["history"]) if current else ()
    old = read_adapter(Path(current["weights"]) if current else settings.adapter)
    tuning = prepare_tune(_tuning(settings, old), catalog, progress)
    last = next((one for one in reversed(history) if one["promoted"]), None)
    fresh = tuning.lead.fresh
    if last and fresh and last["rows"]["sha256"] == fresh.sha256:
        # These rows are what the weights in use have learned last: the same update, made already.
        old = read_adapter(Path(last["before"]))
        tuning = prepare_tune(_tuning(settings, old), catalog, progress)
    return PreparedUpdate(settings, tuning, old, history)


def _tuning(settings: UpdateSettings, old: AdapterFolder) -> TuneSettings:
    """How the old weights are tuned on: as they were tuned, on the new rows, with a share of the old ones kept."""
    link = chain_of(old)[-1]
    if len(link.tasks) > 1:
        what = f"the weights are for {len(link.tasks)} tasks ({', '.join(link.names)}); new rows are of one"
        raise TuneError(what, where=str(old.path), fix="Tune on: promptsci tune task=... --after RUN.")
    (asked,) = link.tasks
    values, recipe = _values(old, link)
    run = replace(asked.run, adapter=None)
    keep = {"keep": "replay"}
    return TuneSettings(
        run, old.method, {**values, **keep, **settings.values},  # type: ignore[arg-type]
        asked.train, asked.validation, recipe=recipe, start=str(old.path), after=True, new=settings.data,
    )  # fmt: skip


def _values(old: AdapterFolder, link: Link) -> tuple[dict[str, str], str | None]:
    """The values and the recipe that the old weights were tuned with, as they were given.

    Raises:
        TuneError: the record of their tuning is gone.
    """
    path = old.path.parent / "tune.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError) as error:
        what = f"it is not known how {link.name} was tuned: {error}"
        raise TuneError(what, where=str(path), fix="Name the folder of a tuning, tune.json in it.") from error
    return dict(settings["values"]), settings.get("recipe")


def update(prepared: PreparedUpdate, stage: Stage) -> Result:
    """What an update came to, made now, continued, or found finished; current.json says which weights are in use.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        TuneError: the training failed.
        RunError: the test split cannot be compared.
    """
    tuning, settings = prepared.tuning, prepared.settings
    folder = tuning.folder(stage.root)
    learn(tuning, stage, lambda watcher: watcher)
    run, catalog = tuning.lead.asked.run, tuning.run.catalog
    old = stage.score(replace(run, adapter=str(prepared.old.path)), catalog, fresh=False)
    new = stage.score(replace(run, adapter=str(folder.weights)), catalog)
    found = harm(
        RunFolder(Path(old["run_dir"])), RunFolder(Path(new["run_dir"])), margin=settings.margin, alpha=settings.alpha
    )
    fresh = tuning.lead.fresh
    assert fresh is not None, "an update has new rows"
    told = {
        "name": tuning.name,
        "weights": str(folder.weights.absolute()),
        "before": str(prepared.old.path),
        "rows": fresh.to_json(),
        "promoted": not found.shown,
        "harm": found.to_json(),
    }
    in_use = _point(prepared, told)
    return {
        "task": tuning.title,
        "method": tuning.recipe.method,
        **told,
        "kept": {name: len(ids) for name, ids in (tuning.earlier.to_json()["kept"] if tuning.earlier else {}).items()},
        "runs": [old, new],
        "notes": list(tuning.notes),
        "current": in_use,
        "tune_dir": str(folder.path),
        "update_dir": str(settings.adapter.parent),
    }


def _point(prepared: PreparedUpdate, told: Mapping[str, Any]) -> str:
    """The weights in use after this update, written down with all that updates came to."""
    home = prepared.settings.adapter.parent
    history = [one for one in prepared.history if one["name"] != told["name"]] + [dict(told)]
    in_use = str(told["weights"]) if told["promoted"] else str(prepared.old.path)
    try:
        write_atomically(home / CURRENT, json.dumps({"weights": in_use, "history": history}, indent=2) + "\n")
    except RunError as error:
        raise RunError(error.what, where=error.where, fix="Make the folder of the tuning writable.") from error
    return in_use
