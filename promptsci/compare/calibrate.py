"""The story of ``calibrate``: a Run and a validation Run of the same method -> what the second teaches of the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptsci.errors import RunError
from promptsci.runs import RunFolder
from promptsci.score import Outcomes, decided_rows, trust

SAME = ("task", "method", "model", "template", "format", "choose", "labels")
FEW_A_LABEL = 10


def calibrate(
    run: RunFolder, validation: RunFolder, *, error: float = 0.1, rule: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """What a validation Run teaches of another Run of the same method, as plain dicts.

    Raises:
        RunError: a Run is not finished, the two are not of one method, or they share rows.
        DataError: the validation Run has no labelled row, or answers have no probabilities.
    """
    record, other = run.read_run(), validation.read_run()
    _check_same(record, other, validation)
    ids, outcomes = decided_rows(run, rule=rule)
    known_ids, known = decided_rows(validation, rule=rule or record.get("rule"))
    both = set(ids) & set(known_ids)
    if both:
        raise RunError(
            f"{len(both)} rows stand in both runs, such as {min(both)}; what a row has taught cannot be judged by it",
            fix=f"Make a run on other rows: promptsci run task={record['task']} split=validation",
        )
    found = trust(outcomes, known, error=error, seed=seed)
    return {
        **{name: record[name] for name in ("task", "method", "model", "template", "split")},
        "rule": rule or record.get("rule"),
        "validation_split": other["split"],
        **found.to_json(),
        "notes": _notes(record, other, known),
        "run_dir": str(run.path),
        "validation_run_dir": str(validation.path),
    }


def _check_same(record: Mapping[str, Any], other: Mapping[str, Any], validation: RunFolder) -> None:
    for name in SAME:
        if record.get(name) != other.get(name):
            raise RunError(
                f"the runs differ in {name}: {record.get(name)} and {other.get(name)}",
                where=str(validation.path),
                fix="Take a run of the same method on validation rows.",
            )
    mine, theirs = record.get("adapter") or {}, other.get("adapter") or {}
    if mine.get("sha256") != theirs.get("sha256"):
        raise RunError("the runs have different adapters", where=str(validation.path), fix="Take the same adapter.")


def _notes(record: Mapping[str, Any], other: Mapping[str, Any], known: Outcomes) -> list[str]:
    notes = []
    if record["seed"] != other["seed"]:
        notes.append(f"the runs have different seeds ({record['seed']} and {other['seed']}), so perhaps other shots")
    gold = known.labelled().gold
    counts = {label: int((gold == place).sum()) for place, label in enumerate(known.labels)}
    few = [f"{label} {count}" for label, count in counts.items() if count < FEW_A_LABEL]
    if few:
        notes.append(f"labels with fewer than {FEW_A_LABEL} validation rows: {', '.join(few)}")
    return notes
