"""Paired statistics of several Runs on the same rows: bootstrap, randomisation, McNemar, Holm.

All Runs answer the same rows, so a difference is judged row by row. Each Run is a table of what its rows add to a
metric ``[N, K]`` (`promptsci.score.sums`); the same weights or swaps of rows go through all tables at once.

- **Bootstrap.** Rows are drawn with replacement, the same rows for every Run; the interval of a difference is that of
  its values (Efron and Tibshirani 1993, chapter 13).
- **Randomisation.** If two methods are the same, each row's two answers may as well be exchanged. Every row is
  exchanged or not by a fair coin, and p is the share of exchanges, the observed one included, whose difference is at
  least as large (Fisher 1935; Noreen 1989; Yeh 2000 for F scores; Phipson and Smyth 2010 for the included one). The
  statistic is the metric itself, macro-F1 too, so no normal approximation stands behind it.
- **Several runs a method.** The statistic is the difference of the means over runs, and a row is exchanged in all pairs
  of runs at once, because answers to one row are not independent over runs (a permutation of clusters). Runs are paired
  one to one where both methods have the same seeds and wordings, otherwise every run with every run. p then speaks of
  these runs and of other rows; what other runs might do is what the bootstrap adds, which draws runs as well.
- **McNemar.** The exact binomial test on the rows that one side only answers rightly (McNemar 1947).
- **Holm.** Holm 1979, over all differences that are printed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptsci.score import Distinct, Family, FromSums
from promptsci.score.outcomes import BoolArray, FloatArray
from promptsci.score.sums import EXACT_IN_32_BITS, Counts

RESAMPLES = 5_000
"""Of the bootstrap."""

EXCHANGES = 9_999
"""Of the randomisation test: with the observed one 10,000, so p is at least 0.0001."""


@dataclass(frozen=True, eq=False)
class _Part:
    """The tables of several Runs side by side [D, R K], and the metrics of their sums."""

    table: NDArray[Any]
    values: Mapping[str, FromSums]


@dataclass(frozen=True, eq=False)
class Stack:
    """The rows of several Runs together, each distinct row once.

    Args:
        distinct: the distinct rows of all tables together.
        parts: for each family of metrics, the tables of all Runs.
        n_runs: R.
    """

    distinct: Distinct
    parts: tuple[_Part, ...]
    n_runs: int

    @classmethod
    def of(cls, runs: Sequence[Sequence[Family]]) -> Stack:
        """The Runs' families of metrics, the same ones in the same order for each Run."""
        distinct = Distinct.of([part.table for families in runs for part in families])
        parts = [
            _Part(np.hstack([_floats(part.table[distinct.first], distinct.n) for part in same]), same[0].values)
            for same in zip(*runs, strict=True)
        ]
        return cls(distinct, tuple(parts), len(runs))

    def sums(self, part: _Part, weights: Counts) -> FloatArray:
        """Each Run's sums [b, R, K] when distinct rows count as often as weights [b, D] say."""
        totals = weights.astype(part.table.dtype, copy=False) @ part.table
        sums: FloatArray = np.asarray(totals, dtype=np.float64).reshape(len(weights), self.n_runs, -1)
        return sums

    def values(self, weights: Counts) -> dict[str, FloatArray]:
        """Each metric of each Run [b, R] when distinct rows count as often as weights [b, D] say."""
        found: dict[str, FloatArray] = {}
        for part in self.parts:
            sums = self.sums(part, weights)
            found |= {name: value(sums) for name, value in part.values.items()}
        return found

    def observed(self) -> dict[str, FloatArray]:
        """Each metric of each Run [R], as it is."""
        weights = self.distinct.counts[None].astype(np.float64)
        return {name: values[0] for name, values in self.values(weights).items()}


def _floats(table: NDArray[Any], n: int) -> NDArray[Any]:
    """Bytes as 32-bit floats, which are twice as fast, where these hold sums over n rows exactly; others as 64-bit."""
    exact = table.dtype.itemsize == 1 and 128 * n < EXACT_IN_32_BITS
    return table.astype(np.float32 if exact else np.float64)


def resampled_runs(stack: Stack, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, FloatArray]:
    """Each metric of each Run [resamples, R] on the same resamples of the rows."""
    pieces = [stack.values(weights) for weights in stack.distinct.draws(resamples, seed)]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


Pairs = Sequence[tuple[int, int]]
"""Positions of two Runs that are compared row by row."""


def randomisation(
    stack: Stack, metric: str, comparisons: Sequence[Pairs], *, exchanges: int = EXCHANGES, seed: int = 0
) -> FloatArray:
    """Two-sided p [M] of each comparison's mean difference over its pairs of runs, by exchanging rows at random.

    Source:
        Noreen 1989, Computer-Intensive Methods for Testing Hypotheses; Phipson and Smyth 2010, Stat. Appl. Genet. Mol.
        Biol. 9, 39 for the observed exchange that counts.
    """
    part = next(part for part in stack.parts if metric in part.values)
    value = part.values[metric]
    observed = stack.sums(part, stack.distinct.counts[None].astype(np.float64))[0]
    values = value(observed)
    actual = np.array([np.mean([values[a] - values[b] for a, b in pairs]) for pairs in comparisons])
    at_least = np.zeros(len(comparisons), dtype=np.int64)
    # Equal differences differ in the last bits when their sums were added in another order.
    bound = np.abs(actual) - 1e-10 * max(1.0, float(np.abs(values).max()))
    for swaps in stack.distinct.swaps(exchanges, seed):
        moved = stack.sums(part, swaps)
        for number, pairs in enumerate(comparisons):
            exchanged = np.mean([_exchanged(value, observed, moved, pair) for pair in pairs], axis=0)
            at_least[number] += int((np.abs(exchanged) >= bound[number]).sum())
    p: FloatArray = (at_least + 1) / (exchanges + 1)
    return p


def _exchanged(value: FromSums, observed: FloatArray, moved: FloatArray, pair: tuple[int, int]) -> FloatArray:
    """The difference [b] of two Runs after each has handed the other its part of the exchanged rows [b, R, K]."""
    a, b = pair
    change = moved[:, a] - moved[:, b]
    return value(observed[a] - change) - value(observed[b] + change)


def run_weights(keys: Sequence[tuple[str, int]], resamples: int, seed: int) -> FloatArray:
    """How much each run counts in a mean over runs drawn with replacement [resamples, R].

    Methods with the same keys draw the same ones: what a wording or a seed does to both is then not counted as a
    difference between them.
    """
    order = sorted(keys)
    rng = np.random.default_rng([seed, zlib.crc32(repr(order).encode())])
    drawn = rng.multinomial(len(order), np.full(len(order), 1 / len(order)), size=resamples) / len(order)
    weights: FloatArray = drawn[:, [order.index(key) for key in keys]]
    return weights


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p of McNemar's test from the rows that one side only answers rightly; 1.0 without such rows.

    Source:
        McNemar 1947, Psychometrika 12, 153-157.
    """
    from scipy.special import bdtr

    n, fewer = only_a + only_b, min(only_a, only_b)
    return 1.0 if not n else min(1.0, 2 * float(bdtr(fewer, n, 0.5)))


def discordant(right_a: BoolArray, right_b: BoolArray) -> tuple[int, int]:
    """How many rows only a, and only b, answers rightly."""
    return int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Each p after Holm's step-down correction for all of them; below a level is shown at that family-wise level.

    Source:
        Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, (name, p) in enumerate(sorted(ps.items(), key=lambda pair: pair[1])):
        highest = max(highest, min(1.0, (len(ps) - rank) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in ps}
