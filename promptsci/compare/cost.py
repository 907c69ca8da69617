"""What a method costs: training, scoring, memory, labels; a run on average, from run.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from promptsci.compare.comparison import Cost

Record = Mapping[str, Any]


def mean_cost(records: Sequence[Record]) -> Cost:
    """The cost of a method from the run.json of its runs; a part that one run does not know is None."""
    return Cost(
        trainable_parameters=_whole(records, lambda record: _training(record, "trainable_parameters", 0)),
        training_s=_mean(records, lambda record: _training(record, "seconds", 0.0)),
        adapter_bytes=_whole(records, lambda record: _training(record, "adapter_bytes", 0)),
        labels=_whole(records, labels_used),
        seconds_per_1000=_mean(records, lambda record: _per_1000(record, "seconds", "score")),
        tokens_per_1000=_mean(records, lambda record: _per_1000(record, "tokens", "computed")),
        peak_memory_bytes=_whole(records, lambda record: (record.get("cost") or {}).get("peak_memory_bytes")),
    )


def labels_used(record: Record) -> int | None:
    """How many labelled examples the method has looked at: those it was trained on, and those shots were chosen from.

    Shots that are chosen for each query need the whole split labelled; a fixed handful needs only itself.
    """
    trained: int | None = _training(record, "examples", 0)
    if not record["shots"]:
        return trained
    if record["choose"] != "similar":
        return None if trained is None else trained + int(record["shots"])
    pool = record["integrity"]["splits"].get(record["pool"])
    return None if pool is None else sum(pool["labels"].values())


def _training(record: Record, name: str, untrained: Any) -> Any:
    training = record.get("training")
    return untrained if training is None else training.get(name)


def _per_1000(record: Record, what: str, part: str) -> float | None:
    spent = ((record.get("cost") or {}).get(what) or {}).get(part)
    return None if spent is None else 1000 * float(spent) / int(record["rows"])


def _mean(records: Sequence[Record], part: Callable[[Record], float | None]) -> float | None:
    values = [part(record) for record in records]
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _whole(records: Sequence[Record], part: Callable[[Record], int | None]) -> int | None:
    mean = _mean(records, part)
    return None if mean is None else round(mean)
