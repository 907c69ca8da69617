"""What every prepared run has, whatever its method: all that its record and its judgement need to know of it."""

from __future__ import annotations

from typing import Any, Protocol

from promptsci.data import Dataset, Example, Integrity
from promptsci.score import Facts, Metric
from promptsci.spec import Catalog, Task


class Ready(Protocol):
    """A run that can start."""

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
    def rule(self) -> str:
        """The decision rule of the headline figures."""
        ...

    @property
    def split(self) -> str:
        """The split that is scored."""
        ...

    @property
    def pool_name(self) -> str:
        """The split that is shown or learned from."""
        ...

    @property
    def seed(self) -> int:
        """Of all that is random."""
        ...

    def identity(self) -> dict[str, Any]:
        """All that decides the predictions: same identity, same Run folder."""
        ...
