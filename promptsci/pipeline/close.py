"""The end of ``tune``: the test split of every task with the tuned weights, beside the bars, and a look back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from promptsci.pipeline.bars import alarms, counted, prompting
from promptsci.pipeline.classifier import ClassifierSettings
from promptsci.pipeline.lookback import look_back, write_look_back
from promptsci.pipeline.settings import Result, Settings
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.subject import Subject
from promptsci.pipeline.tuning import PreparedTune
from promptsci.tune.folder import TuneFolder


def close(prepared: PreparedTune, folder: TuneFolder, stage: Stage) -> Result:
    """The result of a training whose weights are in place: closing runs of each task, and how they compare."""
    record = folder.read()
    closings = [_close_task(one, prepared, folder, record, stage) for one in prepared.subjects]
    results = [result for closing in closings for result in closing.results]
    several = len(closings) > 1
    told = [
        f"{one.name}: {warning}" if several else warning
        for one, closing in zip(prepared.subjects, closings, strict=True)
        for warning in closing.warnings
    ]
    ended = {
        **record,
        "state": "done",
        "runs": [result["run_dir"] for result in results],
        "warnings": [*record["notes"], *told],
    }
    if prepared.earlier is not None:
        ended["continual"] = look_back(prepared, folder, stage)
        write_look_back(folder.path, ended["continual"])
    folder.write(ended)
    return {**ended, "runs": results, "tune_dir": str(folder.path), "weights": str(folder.weights)}


@dataclass(frozen=True)
class _Closing:
    """The closing runs of a task, the tuned one last, and what must be said of them."""

    results: list[Result]
    warnings: list[str]


def _close_task(
    one: Subject, prepared: PreparedTune, folder: TuneFolder, record: Mapping[str, Any], stage: Stage
) -> _Closing:
    """Runs the bars and the tuned weights on the split asked for."""
    base = one.asked.run
    results, notes = _count_words(one, stage)
    asked = [*prompting(base, record), tuned(base, prepared, folder)]
    results += [stage.score(settings, one.run.catalog) for settings in asked]
    higher = one.run.metrics[0].higher_is_better
    return _Closing(results, [*notes, *alarms(results[:-1], results[-1], higher=higher)])


def tuned(base: Settings, prepared: PreparedTune, folder: TuneFolder) -> Settings:
    """The settings of a run with the tuned weights."""
    weights = str(folder.weights)
    return replace(base, model=weights) if prepared.recipe.method == "full" else replace(base, adapter=weights)


def _count_words(one: Subject, stage: Stage) -> tuple[list[Result], list[str]]:
    """The result of a method without a model, on the rows that tuning learns from."""
    asked = one.asked.run
    settings = ClassifierSettings(
        asked.task,
        "",
        data=asked.data,
        split=asked.split,
        pool=one.asked.train,
        pool_rows=one.asked.train_rows,
        seed=asked.seed,
        limit=asked.limit,
    )
    return counted(settings, one.run.catalog, stage.root, fresh=stage.fresh, watch=stage.watch_run)
