"""What a server counts, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

PATHS = ("/", "/predict", "/explain", "/health", "/metrics", "/docs", "/openapi.json")
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """The counts of one server.

    Args:
        waiting: rows that wait now, each by its weight.
        computed: tokens that have gone through a model so far.
    """

    def __init__(self, waiting: Callable[[], int], computed: Callable[[], int]) -> None:
        self.registry = own = CollectorRegistry()
        self._answers = Counter("promptsci_responses", "Answered requests.", ["path", "status"], registry=own)
        self._rows = Counter("promptsci_rows", "Answered rows.", ["path", "outcome"], registry=own)
        self._batches = Histogram("promptsci_batch_rows", "Rows decided together.", buckets=ROWS, registry=own)
        self._seconds = Histogram(
            "promptsci_answer_seconds", "Seconds to an answer.", ["path"], buckets=SECONDS, registry=own
        )
        Gauge("promptsci_waiting_rows", "Rows that wait, by their weight.", registry=own).set_function(waiting)
        Gauge("promptsci_computed_tokens", "Tokens through the model.", registry=own).set_function(computed)

    def answered(self, path: str, status: int) -> None:
        """A request was answered; paths that nobody serves are one."""
        self._answers.labels(path if path in PATHS else "other", str(status)).inc()

    def batch(self, n: int) -> None:
        """Rows are decided together."""
        self._batches.observe(n)

    def rows(self, path: str, answers: Sequence[Mapping[str, Any]], seconds: float) -> None:
        """A request's rows are answered."""
        n_errors = sum(answer["error"] is not None for answer in answers)
        self._rows.labels(path, "answer").inc(len(answers) - n_errors)
        self._rows.labels(path, "error").inc(n_errors)
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All counts as Prometheus reads them."""
        return generate_latest(self.registry)
