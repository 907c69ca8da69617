"""What every prepared run has, whatever its method: all that its record and its judgement need to know of it.

What answers rows, of a run or of a file, rests on the same first part.
"""

from __future__ import annotations

from typing import Any, Protocol

from promptsci.data import Dataset, Example, Integrity
from promptsci.score import Facts, Metric
from promptsci.spec import Catalog, Task


class Basis(Protocol):
    """What answers rest on."""

    @property
    def task(self) -> Task:
        """What is asked."""
        ...

    @property
    def facts(self) -> Facts:
        """What a judgement of the rows needs to know of the task."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The splits that were read."""
        ...

    @property
    def rule(self) -> str:
        """The decision rule; of a run, that of the headline figures."""
        ...

    @property
    def pool_name(self) -> str:
        """The split that is shown or learned from."""
        ...

    def identity(self) -> dict[str, Any]:
        """All that decides the answers: same identity, same answers, same folder."""
        ...


class Ready(Basis, Protocol):
    """A run that can start."""

    @property
    def integrity(self) -> Integrity:
        """Counts, repeats and leaks of the data."""
        ...

    @property
    def examples(self) -> tuple[Example, ...]:
        """The rows to score, in the order of the data."""
        ...

    @property
    def metrics(self) -> tuple[Metric[Any], ...]:
        """The task's metrics; the first decides."""
        ...

    @property
    def catalog(self) -> Catalog:
        """Where task and template were found."""
        ...

    @property
    def method(self) -> str:
        """The row of a comparison that this run is."""
        ...

    @property
    def split(self) -> str:
        """The split that is scored."""
        ...

    @property
    def seed(self) -> int:
        """Of all that is random."""
        ...
