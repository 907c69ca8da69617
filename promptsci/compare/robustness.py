"""Clean and perturbed runs of the same methods on the same rows: what is lost, the worst case, and who stays ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from promptsci.compare.comparison import Method, Robust, Robustness
from promptsci.compare.eligible import Candidate, Shared, share
from promptsci.compare.grouping import RunGroup, group_runs, traits_of
from promptsci.compare.methods import describe

CLEAN = "clean"


def clean_runs(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The Runs on rows as they are, which are compared with each other; all Runs where none is."""
    return [run for run in candidates if not run.record.get("perturb")] or list(candidates)


def robustness(candidates: Sequence[Candidate], main: str, *, on_shared: bool, seed: int) -> Robustness | None:
    """How methods do on perturbed rows; None where no method has both clean and perturbed runs.

    Args:
        candidates: clean and perturbed Runs.
        main: the metric that decides.
        on_shared: whether Runs on different rows are compared on those that all have.
        seed: of the intervals.
    """
    if not any(run.record.get("perturb") for run in candidates):
        return None
    shared = share(candidates, on_shared=on_shared)
    groups = _groups(shared)
    if not groups:
        return None
    seen = np.any([run.judged.seen for run in shared.runs], axis=0)
    rows = np.arange(len(seen))
    found = {
        name: dict(zip(own, describe(list(own.values()), shared, seen, rows, seed=seed), strict=True))
        for name, own in groups.items()
    }
    higher = shared.runs[0].judged.metrics[main].higher_is_better
    methods = [_robust(name, found[name], groups[name], shared, main) for name in groups]
    methods.sort(key=lambda one: (one.clean.value * (-1 if higher else 1), one.name))
    kinds = tuple(dict.fromkeys(kind for own in groups.values() for kind in own if kind != CLEAN))
    rankings = _rankings(found, main, kinds, higher=higher)
    several = len(methods) > 1 and len(rankings) > 1
    first = rankings[CLEAN]
    return Robustness(
        perturbations=kinds,
        methods=tuple(methods),
        rankings=rankings,
        tau={kind: kendall(first, order) for kind, order in rankings.items() if kind != CLEAN} if several else {},
        survives=all(order == first for order in rankings.values()) if several else None,
        best_survives=all(order[0] == first[0] for order in rankings.values()) if several else None,
    )


def _groups(shared: Shared) -> dict[str, dict[str, RunGroup]]:
    """Name of a method -> clean and each perturbation -> its runs; methods without perturbed runs are left out."""
    clean = [place for place, run in enumerate(shared.runs) if not run.record.get("perturb")]
    if not clean:
        return {}
    named, _ = group_runs([shared.runs[place] for place in clean])
    found: dict[str, dict[str, RunGroup]] = {}
    for group in named:
        first = shared.runs[clean[group.runs[0]]]
        own = traits_of(first.record, first.judged.rule)
        parts = {CLEAN: RunGroup(group.name, group.method, tuple(clean[run] for run in group.runs), group.keys)}
        for place, run in enumerate(shared.runs):
            kind = run.record.get("perturb")
            if kind and traits_of(run.record, run.judged.rule) == own:
                before = parts.get(kind)
                runs = (*(before.runs if before else ()), place)
                keys = tuple((str(shared.runs[one].record["template"]), one) for one in runs)
                parts[kind] = RunGroup(f"{group.name}, {kind}", group.method, runs, keys)
        if len(parts) > 1:
            found[group.name] = parts
    return found


def _robust(
    name: str, found: Mapping[str, Method], groups: Mapping[str, RunGroup], shared: Shared, main: str
) -> Robust:
    values = {kind: method.metrics[main] for kind, method in found.items()}
    higher = shared.runs[0].judged.metrics[main].higher_is_better
    pick = min if higher else max
    worst = pick(values, key=lambda kind: values[kind].value)
    rights = [shared.runs[run].judged.right for group in groups.values() for run in group.runs]
    known = [right for right in rights if right is not None]
    return Robust(
        name=name,
        clean=values[CLEAN],
        perturbed={kind: estimate for kind, estimate in values.items() if kind != CLEAN},
        worst=None if worst == CLEAN else worst,
        worst_value=values[worst].value,
        always=float(np.all(known, axis=0).mean()) if known and len(known) == len(rights) else None,
    )


def _rankings(
    found: Mapping[str, Mapping[str, Method]], main: str, kinds: Sequence[str], *, higher: bool
) -> dict[str, tuple[str, ...]]:
    """Clean and each perturbation of all methods -> the methods' names, best first; of equals the first by name."""
    shared = [kind for kind in (CLEAN, *kinds) if all(kind in own for own in found.values())]
    sign = -1 if higher else 1
    return {
        kind: tuple(sorted(found, key=lambda name: (sign * found[name][kind].metrics[main].value, name)))
        for kind in shared
    }


def kendall(one: Sequence[str], other: Sequence[str]) -> float:
    """Kendall's tau of two orders of the same names without ties: agreeing pairs less disagreeing, over all pairs."""
    place = {name: number for number, name in enumerate(other)}
    signs = [1 if place[a] < place[b] else -1 for at, a in enumerate(one) for b in one[at + 1 :]]
    return sum(signs) / len(signs)
