"""Where a score's spread comes from: wording, seed (shot set and order, training), or the sample of test rows.

A single run's score is an average score plus an effect of its wording, an effect of its seed, and the luck of the test
rows. What the runs there are tell of each:

- **wording** and **seed**: the variance between runs that differ in this one thing, pooled over whatever else they
  share (the mean square of a one-way analysis within strata). Runs on few rows differ by the rows alone; that part is
  estimated by the bootstrap, as what resampling the rows adds to the variance between runs, and taken off. What is left
  may be nothing. An interaction of wording and seed is counted in both.
- **test rows**: the bootstrap variance of a run's score over rows, averaged over runs.

Variances add up, and shares are shares of their sum. A variance from k runs is rough: with 3 the standard deviation is
known to a factor of about 0.5 to 6, with 10 to 0.7 to 1.8 (95 %, chi-square).

Source:
    Searle, Casella and McCulloch 1992, Variance Components; Bouthillier et al. 2021, MLSys, arXiv 2103.03098.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from promptsci.compare.eligible import Candidate, share
from promptsci.compare.grouping import RunGroup, group_runs, seed_matters
from promptsci.compare.paired import Stack, resampled_runs
from promptsci.errors import SpecError, did_you_mean
from promptsci.score.outcomes import FloatArray

FEW = 3
WORDING, SEED, ROWS = "wording", "seed", "test rows"


@dataclass(frozen=True)
class Part:
    """One source of spread.

    Args:
        source: ``wording``, ``seed`` or ``test rows``.
        levels: how many different ones there are.
        freedom: degrees of freedom of the variance between runs; None for test rows.
        sd: the standard deviation it gives a single run's score; None where runs are too few to tell.
        share: of the variance of a single run's score, among the sources that are known; None where sd is.
    """

    source: str
    levels: int
    freedom: int | None
    sd: float | None
    share: float | None


@dataclass(frozen=True)
class MethodSpread:
    """Where the spread of one method comes from.

    Args:
        name: the method.
        runs: how many there are.
        mean: of the metric over runs.
        parts: the sources.
        advice: which runs to add.
    """

    name: str
    runs: int
    mean: float
    parts: tuple[Part, ...]
    advice: tuple[str, ...]


def variance(
    candidates: Sequence[Candidate], *, metric: str | None = None, on_shared: bool = False, seed: int = 0
) -> dict[str, Any]:
    """Where the spread of each method's scores comes from, as plain dicts.

    Raises:
        RunError: the Runs cannot stand in one table.
        SpecError: there is no such metric.
    """
    shared = share(candidates, on_shared=on_shared)
    main = metric or next(name for name in shared.metrics)
    if main not in shared.metrics:
        raise SpecError(f"the runs have no metric '{main}'", fix=did_you_mean(main, shared.metrics))
    groups, left_out = group_runs(shared.runs)
    stack = Stack.of([[run.judged.family(main).only(main)] for run in shared.runs])
    observed, drawn = stack.observed()[main], resampled_runs(stack, resamples=2_000, seed=seed)[main]
    spreads = [
        _spread(group, observed[members], drawn[:, members], seeded=seed_matters(shared.runs[members[0]].record))
        for group in groups
        for members in [list(group.runs)]
    ]
    record = shared.runs[0].record
    return {
        "task": record["task"],
        "split": record["split"],
        "n": len(shared.runs[0].judged),
        "metric": main,
        "methods": [asdict(spread) for spread in spreads],
        "notes": [*shared.notes, *left_out],
    }


def _spread(group: RunGroup, observed: FloatArray, drawn: FloatArray, *, seeded: bool) -> MethodSpread:
    wordings, seeds = zip(*group.keys, strict=True)
    found = {WORDING: _between(wordings, seeds, observed, drawn)}
    if seeded:
        found[SEED] = _between(seeds, wordings, observed, drawn)
    sources = {name: variance for name, (variance, _) in found.items()} | {ROWS: float(drawn.var(axis=0).mean())}
    total = sum(value for value in sources.values() if value is not None)
    levels = {WORDING: len(set(wordings)), SEED: len(set(seeds)), ROWS: 1}
    parts = tuple(
        Part(
            source=name,
            levels=levels[name],
            freedom=found[name][1] if name in found else None,
            sd=None if value is None else float(np.sqrt(value)),
            share=None if value is None else (value / total if total else 0.0),
        )
        for name, value in sources.items()
    )
    return MethodSpread(group.name, len(observed), float(observed.mean()), parts, _advice(parts))


def _between(
    varied: Sequence[Any], fixed: Sequence[Any], observed: FloatArray, drawn: FloatArray
) -> tuple[float | None, int]:
    """The variance between runs that differ in ``varied`` only, and its degrees of freedom; None without such runs."""
    strata = [[at for at, value in enumerate(fixed) if value == level] for level in dict.fromkeys(fixed)]
    strata = [members for members in strata if len({varied[at] for at in members}) > 1]
    freedom = sum(len(members) - 1 for members in strata)
    if not freedom:
        return None, 0
    seen, again = _pooled(observed[None], strata, freedom)[0], _pooled(drawn, strata, freedom).mean()
    return float(max(0.0, seen - (again - seen))), freedom


def _pooled(values: FloatArray, strata: Sequence[Sequence[int]], freedom: int) -> FloatArray:
    """The pooled variance within strata [...] of values [..., R]."""
    squares = [((part := values[:, list(at)]) - part.mean(1, keepdims=True)) ** 2 for at in strata]
    pooled: FloatArray = sum(square.sum(1) for square in squares) / freedom
    return pooled


def _advice(parts: Sequence[Part]) -> tuple[str, ...]:
    """Which runs to add: what is not known first, then the largest known source."""
    more = {WORDING: "more wordings (template=all)", SEED: "more seeds (--seeds 0,1,2,3,4)", ROWS: "more test rows"}
    unknown = [part for part in parts if part.sd is None]
    lines = [f"{part.source} is not known: add {more[part.source]}" for part in unknown]
    known = [part for part in parts if part.share]
    if known:
        largest = max(known, key=lambda part: part.share or 0.0)
        rough = largest.freedom is not None and largest.freedom < FEW
        doubt = f", roughly: it rests on {largest.freedom + 1} runs" if rough and largest.freedom else ""
        lines.append(
            f"most comes from {largest.source} ({100 * (largest.share or 0):.0f} %{doubt}): add {more[largest.source]}"
        )
    return tuple(lines)
