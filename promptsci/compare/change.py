"""How much a score has changed from one Run to another on the same rows: a paired interval and test of two Runs."""

from __future__ import annotations

from promptsci.compare.comparison import Difference
from promptsci.compare.differences import Draws, differences
from promptsci.compare.eligible import read_candidate, share
from promptsci.compare.grouping import RunGroup
from promptsci.errors import RunError
from promptsci.runs import RunFolder
from promptsci.score import Judged


def change(before: RunFolder, after: RunFolder, draws: Draws | None = None) -> Difference:
    """The task's first metric of ``after`` minus that of ``before``; its p stands alone and is not corrected.

    Args:
        before: a finished Run.
        after: another on the same rows.
        draws: how often rows are drawn and exchanged.

    Raises:
        RunError: they stand on other rows, or the metric is computed from whole rows, so that no paired test can be
            made of it.
    """
    judged, metric = paired(before, after)
    groups = [RunGroup(name, name, (place,), (("", 0),)) for place, name in enumerate(("before", "after"))]
    (found,) = differences(judged, metric, [(groups[1], groups[0])], draws)
    return found


def paired(before: RunFolder, after: RunFolder) -> tuple[list[Judged], str]:
    """The two Runs on the same rows, and the metric by which the task is judged.

    Raises:
        RunError: they stand on other rows, or the metric is computed from whole rows.
    """
    runs = share([read_candidate(before), read_candidate(after)]).runs
    metric = str(runs[0].record["metrics"][0])
    if metric not in runs[0].judged.metrics:
        what = (
            f"the task's first metric '{metric}' is computed from whole rows, so that no paired test can be made of it"
        )
        raise RunError(what, where=str(after.path), fix="Give the task another first metric.")
    # They come in the order in which they were started, which a run that was made again turns around.
    by_path = {run.folder.path: run.judged for run in runs}
    return [by_path[folder.path] for folder in (before, after)], metric
