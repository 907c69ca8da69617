"""Metrics as sums over rows: what each row adds, and the metric from the totals.

Accuracy, every F1, MCC, Brier, ECE, ROUGE, a correlation, a mean over queries: each is a function of sums that run over
rows. Once a metric says what a row adds ``[K]`` and how the value follows from the totals ``[K]``, all statistics of it
are the same few lines for every kind of task: a bootstrap weighs rows, a randomisation test swaps them, and both are a
matrix product with the table of rows ``[N, K]``.

Rows that add the same are one row with a count. Drawing n rows with replacement then is a multinomial draw over the
distinct rows, and swapping rows at random is a binomial draw for each; both are exact, and their price does not grow
with n where there are few distinct rows (a classification of C labels has at most C (C + 1)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from promptsci.score.outcomes import FloatArray, IntArray

Table = NDArray[Any]
"""What each row adds [N, K]; any number type, small integers where they do."""

FromSums = Callable[[FloatArray], FloatArray]
"""A metric [...] from sums [..., K]."""

Counts = NDArray[np.floating[Any]]
"""How often each distinct row counts [b, D], whole numbers as floats."""

EXACT_IN_32_BITS = 2**24
"""Whole numbers up to this are exact in 32-bit floats, which are twice as fast."""

CELLS_AT_ONCE = 4_000_000
_MULTINOMIAL_PRICE = 12
"""What one binomial draw costs in draws of a row (measured: 60 to 100 ns against 6 to 8 ns)."""


class Outcome(Protocol):
    """Rows of any kind of task, each with what a metric of that kind needs."""

    def __len__(self) -> int:
        """The number of rows."""

    def take(self: Self, rows: IntArray) -> Self:
        """The rows at these positions, in their order."""


Self = TypeVar("Self", bound="Outcome")
O = TypeVar("O", bound=Outcome)  # noqa: E741 - the outcomes of a kind
O_contra = TypeVar("O_contra", bound=Outcome, contravariant=True)


@dataclass(frozen=True)
class Sums(Generic[O_contra]):
    """A metric as a function of sums over rows.

    Args:
        of_rows: what each row adds [N, K], from the rows. Metrics that share it are resampled together.
        value: the metric [...] from sums [..., K].
    """

    of_rows: Callable[[O_contra], Table]
    value: FromSums

    def of(self, rows: O_contra) -> float:
        """The metric of all rows."""
        return float(self.value(self.of_rows(rows).sum(0, dtype=np.float64)))


@dataclass(frozen=True, eq=False)
class Family:
    """Metrics that share what a row adds.

    Args:
        table: what each row adds [N, K].
        values: each metric [...] from sums [..., K], by name.
    """

    table: Table
    values: Mapping[str, FromSums]

    def take(self, rows: IntArray) -> Family:
        """The same metrics of the rows at these positions."""
        return Family(self.table[rows], self.values)

    def only(self, metric: str) -> Family:
        """The same rows for one of the metrics."""
        return Family(self.table, {metric: self.values[metric]})


def families(rows: O, statistics: Mapping[str, Sums[O]]) -> tuple[Family, ...]:
    """The rows as tables, one for each of the ways in which the statistics sum over rows."""
    values: dict[Callable[[O], Table], dict[str, FromSums]] = {}
    for name, sums in statistics.items():
        values.setdefault(sums.of_rows, {})[name] = sums.value
    return tuple(Family(of_rows(rows), by_name) for of_rows, by_name in values.items())


def ratio(above: Any, below: Any) -> FloatArray:
    """The ratio above / below, element by element; 0 / 0 is 0."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    result: FloatArray = np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below != 0)
    return result


def mean_of_rows(values: FloatArray) -> Table:
    """The table [N, 2] of a metric that is a mean over rows: each row's value, and 1."""
    return np.column_stack([values, np.ones(len(values))])


def mean_of_sums(sums: FloatArray) -> FloatArray:
    """The mean [...] from sums [..., 2] of `mean_of_rows`."""
    return ratio(sums[..., 0], sums[..., 1])


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct rows of some tables with the same rows, in an order that does not depend on the rows' order.

    Where most rows are different, every row stands for itself.

    Args:
        first: the position of one row of each [D].
        counts: how many rows are like it [D].
    """

    first: IntArray
    counts: IntArray

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Distinct:
        """The rows that differ in at least one of the tables, each [N, K]."""
        parts = [np.ascontiguousarray(table).view(np.uint8).reshape(len(table), -1) for table in tables]
        packed = np.ascontiguousarray(np.hstack(parts))
        keys = packed.view(np.dtype((np.void, packed.shape[1])))[:, 0]
        order = np.argsort(keys)
        ordered = keys[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        if len(starts) * _MULTINOMIAL_PRICE >= len(keys):
            return cls(order, np.ones(len(order), dtype=np.int64))
        return cls(order[starts], np.diff(np.append(starts, len(keys))))

    def __len__(self) -> int:
        """The number of distinct rows."""
        return len(self.counts)

    @property
    def n(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())

    def draws(self, resamples: int, seed: int) -> Iterator[Counts]:
        """How often each distinct row is in n rows drawn with replacement, in pieces [b, D] of all resamples."""
        rng = np.random.default_rng(seed)
        n, shares = self.n, self.counts / self.n
        for size in pieces(resamples, len(self)):
            if len(self) < n:
                yield rng.multinomial(n, shares, size=size).astype(self._number)
            else:
                drawn = rng.integers(0, n, size=(size, n))
                times = np.empty((size, n), dtype=self._number)
                for line, positions in zip(times, drawn, strict=True):
                    line[:] = np.bincount(positions, minlength=n)
                yield times

    def swaps(self, resamples: int, seed: int) -> Iterator[Counts]:
        """How many of each distinct row are swapped when each row is with probability 1/2, in pieces [b, D]."""
        rng = np.random.default_rng(seed)
        n = self.n
        for size in pieces(resamples, len(self)):
            if len(self) < n:
                yield rng.binomial(self.counts, 0.5, size=(size, len(self))).astype(self._number)
            else:
                words = rng.integers(0, 2**64, size=(size, -(-n // 64)), dtype=np.uint64)
                yield np.unpackbits(words.view(np.uint8), axis=1)[:, :n].astype(self._number)

    @property
    def _number(self) -> type[np.floating[Any]]:
        """The smallest float that holds counts of rows exactly."""
        return np.float32 if self.n < EXACT_IN_32_BITS else np.float64


def pieces(total: int, width: int) -> Iterator[int]:
    """Sizes that add up to total, each so small that size times width numbers fit into memory at once."""
    size = max(1, CELLS_AT_ONCE // width)
    for start in range(0, total, size):
        yield min(size, total - start)
