"""Runs become methods: those that differ in seed, shot set or wording only are one row of the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptsci.compare.eligible import Candidate

DRAWN = ("random", "balanced")
"""The ways of choosing shots in which a seed decides."""

TRAINED_BY = ("objective", "examples", "epochs")
"""What tells two trainings of one method apart, beside the seed."""


@dataclass(frozen=True)
class RunGroup:
    """The runs of one method.

    Args:
        name: as it is printed, different for each group.
        method: ``zero-shot``, ``8-shot``, ``lora``, ...
        runs: positions of the runs.
        keys: seed and wording of each, all different.
    """

    name: str
    method: str
    runs: tuple[int, ...]
    keys: tuple[tuple[str, int], ...]


def group_runs(runs: Sequence[Candidate], *, each: bool = False) -> tuple[list[RunGroup], list[str]]:
    """The methods, in the order of their first runs, and notes on what was left out.

    Args:
        runs: newest last; of two runs of a method with the same seed and wording the last counts. A seed that decides
            nothing (zero-shot, nearest shots) is taken as 0.
        each: whether every run is a row of its own.
    """
    traits = [traits_of(run.record, run.judged.rule, each=each) for run in runs]
    groups: dict[tuple[tuple[str, str], ...], dict[tuple[str, int], int]] = {}
    notes = []
    for position, (run, own) in enumerate(zip(runs, traits, strict=True)):
        members = groups.setdefault(tuple(own.items()), {})
        key = (str(run.record["template"]), int(run.record["seed"]) if seed_matters(run.record) else 0)
        if key in members:
            older = runs[members[key]]
            notes.append(f"run {older.name} is left out: {run.name} is newer and can differ from it in nothing")
        members[key] = position
    names = _names([dict(own) for own in groups])
    return [
        RunGroup(name, dict(own)["method"], tuple(members.values()), tuple(members))
        for name, (own, members) in zip(names, groups.items(), strict=True)
    ], notes


def seed_matters(record: Mapping[str, Any]) -> bool:
    """Whether a run draws anything: shots that are chosen by a seed, or a training."""
    return bool(record["shots"] and record["choose"] in DRAWN) or bool(record.get("training"))


def traits_of(record: Mapping[str, Any], rule: str, *, each: bool = False) -> dict[str, str]:
    """What a method is made of, in the order in which it is told apart from others of its name."""
    training = record.get("training") or {}
    traits = {
        "method": str(record["method"]),
        "model": str(record["model"]),
        "choose": str(record["choose"] or ""),
        **{name: str(training.get(name, "")) for name in TRAINED_BY},
        "pool": str(record["pool"] or "") if record["shots"] else "",
        "format": str(record["format"] or ""),
        "dtype": str((record.get("model_description") or {}).get("dtype", "")),
        "rule": rule,
    }
    if each:
        traits |= {"template": str(record["template"]).rpartition("/")[2], "seed": f"seed {record['seed']}"}
        traits["adapter"] = str((record.get("adapter") or {}).get("name", ""))
    return traits


def _names(groups: Sequence[Mapping[str, str]]) -> list[str]:
    """A name for each group: the method, and in brackets what tells it apart from others of the same method."""
    names = []
    for own in groups:
        rivals = [other for other in groups if other["method"] == own["method"] and other is not own]
        parts: list[str] = []
        for trait, value in own.items():
            if trait == "method" or not any(other[trait] != value for other in rivals):
                continue
            parts.append(f"{value} examples" if trait == "examples" else value or f"no {trait}")
        names.append(f"{own['method']} ({', '.join(parts)})" if parts else own["method"])
    repeated = {name for name, count in Counter(names).items() if count > 1}
    assert not repeated, f"groups with different traits have the same name: {repeated}"
    return names


def pair_runs(a: RunGroup, b: RunGroup) -> tuple[str, list[tuple[int, int]]]:
    """How the runs of two methods are paired, in words, and the pairs of positions."""
    if len(a.runs) == len(b.runs) == 1:
        return "one run each", [(a.runs[0], b.runs[0])]
    if set(a.keys) == set(b.keys):
        other = dict(zip(b.keys, b.runs, strict=True))
        return "same seed and wording", [(run, other[key]) for key, run in zip(a.keys, a.runs, strict=True)]
    return "every run with every run", [(one, other) for one in a.runs for other in b.runs]
