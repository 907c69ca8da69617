"""Where the thresholds of labels come from that are each asked by themselves: a run on other rows, or tuning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptsci.errors import RunError, SpecError
from promptsci.pipeline.settings import Settings
from promptsci.runs import RunFolder
from promptsci.score import best_thresholds
from promptsci.spec import Task, Template


def thresholds_for(settings: Settings, task: Task, template: Template, card: Mapping[str, Any]) -> dict[str, float]:
    """Label -> the probability from which on it is answered; nothing where one half decides, or no label is asked so.

    Args:
        settings: of the run; they may name another whose rows decide.
        task: whose labels are asked.
        template: how they are asked.
        card: what tune wrote of the weights.

    Raises:
        SpecError: thresholds are asked for where there are none.
        RunError: the run that is named is not finished, of another task, or of the very rows that are scored.
    """
    if not template.asks_each(task):
        if settings.thresholds is not None:
            what = f"template {template.name} does not ask each label by itself, so there are no thresholds"
            raise SpecError(what, fix="Leave --thresholds out, or use a wording with {{ label }} and {{ choice }}.")
        return {}
    if settings.thresholds is None:
        own = next((one for one in card.get("tasks", ()) if one["task"] == task.name), card)
        tuned: Mapping[str, float] = own.get("thresholds", {})
        return {label: tuned[label] for label in task.labels if label in tuned}
    return _from_run(settings, task, RunFolder(Path(settings.thresholds).expanduser()))


def _from_run(settings: Settings, task: Task, folder: RunFolder) -> dict[str, float]:
    where = str(folder.path)
    if not folder.is_whole:
        raise RunError("there is no finished run here", where=where, fix="Give the folder of a run on validation.")
    record = folder.read_run()
    if record["task"] != task.name or record["labels"] != list(task.labels):
        raise RunError(f"this is a run of task {record['task']}, with other labels", where=where)
    if record["split"] == settings.split:
        what = f"these are rows of {record['split']}, which are scored: thresholds must not be tuned on them"
        raise RunError(what, where=where, fix="Give a run with split=validation.")
    rows = list(folder.rows())
    if any("nats" not in row for row in rows):
        raise RunError("the labels of this run were written, not asked one by one", where=where)
    return best_thresholds(rows, task.labels)
