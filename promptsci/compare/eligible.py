"""Which Runs may stand in one table: the same question about the same rows, or a refusal that says what to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from promptsci.errors import RunError
from promptsci.runs import RunFolder
from promptsci.score import Judged, judged

Record = Mapping[str, Any]
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Candidate:
    """A finished Run: where it stands, what its run.json says, and its rows."""

    folder: RunFolder
    record: Record
    judged: Judged

    @property
    def name(self) -> str:
        """The short name that ``promptsci runs`` prints."""
        return self.folder.path.name.rpartition("_")[2]

    @property
    def data_sha256(self) -> str:
        """The hash of the split that was scored."""
        return str(self.record["identity"]["data"][self.record["split"]])


@dataclass(frozen=True, eq=False)
class Shared:
    """Runs on the same rows.

    Args:
        runs: the Runs, their rows in one order.
        metrics: the names of metrics that all of them have, in the order of the first.
        notes: what was left out to get there.
    """

    runs: tuple[Candidate, ...]
    metrics: tuple[str, ...]
    notes: tuple[str, ...]


def read_candidate(folder: RunFolder, rule: str | None = None, metrics: Sequence[str] | None = None) -> Candidate:
    """A finished Run with its rows.

    Args:
        folder: the Run.
        rule: the decision rule; by default the Run's own.
        metrics: those to judge by, the first of which decides; by default the Run's own.

    Raises:
        RunError: it is not finished, damaged, or lacks what the rule needs.
        SpecError: there is no such rule or metric.
    """
    record = folder.read_run()
    if metrics:
        record = {**record, "metrics": list(metrics)}
    return Candidate(folder, record, judged(folder, rule=rule, metrics=metrics))


def share(candidates: Sequence[Candidate], *, on_shared: bool = False) -> Shared:
    """The Runs on the rows they share, in the order in which they were started.

    Args:
        candidates: finished Runs.
        on_shared: whether to compare Runs over different rows on the rows that all of them have.

    Raises:
        RunError: there are none; they answer different questions; or they stand on different rows, data or metrics and
            on_shared is not given. The error says which Runs and what to type.
    """
    # Not by the files' dates: those change when a folder is copied.
    runs = sorted(candidates, key=lambda run: str(run.record.get("started")))
    if not runs:
        raise RunError("there is no run to compare", fix="List them with: promptsci runs")
    _same(runs, "ask different tasks", lambda run: str(run.record["task"]), on_shared=None)
    _same(runs, "have different labels", _labels, on_shared=None)
    # The same rows are the same data whatever path led to them.
    sources = {run.data_sha256: f"{run.record['data']['source']} {run.data_sha256[:8]}" for run in reversed(runs)}
    notes = [
        note
        for what, key in (
            ("were scored on different splits", lambda run: str(run.record["split"])),
            ("read different data", lambda run: sources[run.data_sha256]),
            ("stand on different rows", lambda run: f"{len(run.judged):,} rows {_digest(run)}"),
            ("are judged by different metrics", lambda run: ", ".join(run.record["metrics"])),
        )
        if (note := _same(runs, what, key, on_shared=on_shared))
    ]
    metrics = tuple(name for name in runs[0].judged.metrics if all(name in run.judged.metrics for run in runs))
    aligned, dropped = _aligned(runs)
    return Shared(aligned, metrics, (*notes, *dropped))


def _labels(run: Candidate) -> str:
    return ", ".join(sorted(run.record.get("labels") or []))


def _digest(run: Candidate) -> str:
    """Eight hex digits that differ when ids do."""
    import hashlib

    return hashlib.sha256("\n".join(sorted(run.judged.ids)).encode()).hexdigest()[:8]


def _same(
    runs: Sequence[Candidate], what: str, key: Callable[[Candidate], str], *, on_shared: bool | None
) -> str | None:
    """None when all Runs agree in key; a note when they do not and need not.

    Raises:
        RunError: they do not and must.
    """
    parts: dict[str, list[Candidate]] = {}
    for run in runs:
        parts.setdefault(key(run), []).append(run)
    if len(parts) == 1:
        return None
    listed = "; ".join(f"{value or 'none'}: {_named(found)}" for value, found in parts.items())
    if on_shared:
        return f"the runs {what} ({listed}); only rows that all of them have are compared"
    most = max(parts.values(), key=len)
    fix = f"Name runs that agree: promptsci compare {' '.join(run.name for run in most[:20])}"
    if on_shared is not None:
        fix += "\n  or compare on the rows that all have: --on-shared"
    raise RunError(f"the {len(runs)} runs {what}: {listed}", fix=fix)


def _named(runs: Sequence[Candidate]) -> str:
    names = ", ".join(run.name for run in runs[:SHOWN])
    return names if len(runs) <= SHOWN else f"{names} and {len(runs) - SHOWN} more"


def _aligned(runs: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], list[str]]:
    """The Runs on the rows that all have and that have the same gold answer everywhere, in the order of the first."""
    first = runs[0].judged
    if all(run.judged.ids == first.ids and run.judged.gold == first.gold for run in runs):
        return tuple(runs), []
    golds = [dict(zip(run.judged.ids, run.judged.gold, strict=True)) for run in runs]
    common = [key for key in first.ids if all(key in gold for gold in golds)]
    agreed = [key for key in common if all(gold[key] == golds[0][key] for gold in golds)]
    if not agreed:
        raise RunError(
            f"the {len(runs)} runs share no row with the same gold answer",
            fix="List them with: promptsci runs",
        )
    notes = []
    if len(common) > len(agreed):
        notes.append(f"{len(common) - len(agreed)} rows are left out because their gold answers differ between runs")
    return tuple(replace(run, judged=_in_order(run.judged, agreed)) for run in runs), notes


def _in_order(rows: Judged, ids: Sequence[str]) -> Judged:
    if rows.ids == tuple(ids):
        return rows
    places = {key: place for place, key in enumerate(rows.ids)}
    return rows.take(np.array([places[key] for key in ids], dtype=np.int64))
