"""Differences between methods on the same rows: interval, tests, and what so many rows can show at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean

from promptsci.compare.comparison import Difference, McNemar
from promptsci.compare.grouping import RunGroup, pair_runs
from promptsci.compare.methods import mean_over_runs
from promptsci.compare.paired import (
    EXCHANGES,
    RESAMPLES,
    Pairs,
    Stack,
    discordant,
    holm,
    mcnemar,
    randomisation,
    resampled_runs,
)
from promptsci.score import Estimate, Judged, percentile_interval, smallest_difference
from promptsci.score.outcomes import FloatArray

ALPHA, POWER = 0.05, 0.8
MethodPair = tuple[RunGroup, RunGroup]


@dataclass(frozen=True)
class Draws:
    """How often rows are drawn (``resamples``) and exchanged (``exchanges``), and from which seed."""

    resamples: int = RESAMPLES
    exchanges: int = EXCHANGES
    seed: int = 0


def differences(
    runs: Sequence[Judged], metric: str, pairs: Sequence[MethodPair], draws: Draws | None = None
) -> list[Difference]:
    """The difference in a metric of each pair of methods, all corrected together (Holm).

    Args:
        runs: all Runs on the rows that decide; groups hold positions in it.
        metric: the one that is compared.
        pairs: the methods.
        draws: all pairs share the same resamples and the same exchanges of rows.
    """
    if not pairs:
        return []
    table = _Table.of(runs, metric, draws or Draws())
    paired = [pair_runs(a, b) for a, b in pairs]
    ps = table.ps([members for _, members in paired])
    exact = table.mcnemars(pairs)
    adjusted = holm({_key(pair): float(p) for pair, p in zip(pairs, ps, strict=True)})
    return [
        replace(
            table.difference(pair, pairing, members),
            p=float(p),
            p_holm=adjusted[_key(pair)],
            mcnemar=exact.get(_key(pair)),
        ).judged(ALPHA)
        for pair, (pairing, members), p in zip(pairs, paired, ps, strict=True)
    ]


def _key(pair: MethodPair) -> str:
    return f"{pair[0].name}\n{pair[1].name}"


@dataclass(frozen=True, eq=False)
class _Table:
    """One metric of all Runs: observed [R] and on resampled rows [B, R]."""

    runs: Sequence[Judged]
    metric: str
    stack: Stack
    observed: FloatArray
    drawn: Mapping[str, FloatArray]
    draws: Draws

    @classmethod
    def of(cls, runs: Sequence[Judged], metric: str, draws: Draws) -> _Table:
        stack = Stack.of([[run.family(metric).only(metric)] for run in runs])
        drawn = resampled_runs(stack, resamples=draws.resamples, seed=draws.seed)
        return cls(runs, metric, stack, stack.observed()[metric], drawn, draws)

    def ps(self, comparisons: Sequence[Pairs]) -> FloatArray:
        """The randomisation test's p of each comparison."""
        return randomisation(self.stack, self.metric, comparisons, exchanges=self.draws.exchanges, seed=self.draws.seed)

    def difference(self, pair: MethodPair, pairing: str, members: Pairs) -> Difference:
        """A difference with all but its tests."""
        a, b = pair
        change = self._mean(a) - self._mean(b)
        value = float(self.observed[list(a.runs)].mean() - self.observed[list(b.runs)].mean())
        gains = [self.observed[one] - self.observed[other] for one, other in members]
        higher = self.runs[0].metrics[self.metric].higher_is_better
        share = self._discordant_share(members)
        normal = NormalDist()
        return Difference(
            a=a.name,
            b=b.name,
            value=Estimate(value, *percentile_interval(change)),
            p=1.0,
            p_holm=1.0,
            shown=False,
            pairing=pairing,
            wins=sum(1 for gain in gains if (gain > 0 if higher else gain < 0)),
            losses=sum(1 for gain in gains if (gain < 0 if higher else gain > 0)),
            pairs=len(members),
            discordant=share,
            smallest_accuracy=smallest_difference(len(self.runs[0]), share) if share else None,
            smallest=float((normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)) * change.std()),
            mcnemar=None,
        )

    def mcnemars(self, pairs: Sequence[MethodPair]) -> dict[str, McNemar]:
        """McNemar's test of each pair that has one run a side, corrected for all of these."""
        counts: dict[str, tuple[int, int]] = {}
        for pair in pairs:
            a, b = (self.runs[group.runs[0]].right for group in pair)
            if a is not None and b is not None and all(len(group.runs) == 1 for group in pair):
                counts[_key(pair)] = discordant(a, b)
        ps = {key: mcnemar(*found) for key, found in counts.items()}
        adjusted = holm(ps)
        return {key: McNemar(*counts[key], ps[key], adjusted[key]) for key in ps}

    def _mean(self, group: RunGroup) -> FloatArray:
        own = {self.metric: self.drawn[self.metric][:, list(group.runs)]}
        return mean_over_runs(group, own, self.draws.seed)[self.metric]

    def _discordant_share(self, members: Pairs) -> float | None:
        """The share of rows that one of two runs only answers rightly, on average over the pairs of runs."""
        shares = []
        for one, other in members:
            a, b = self.runs[one].right, self.runs[other].right
            if a is None or b is None:
                return None
            shares.append(float((a != b).mean()))
        return fmean(shares)
