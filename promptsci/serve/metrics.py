"""What a server counts, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

PATHS = ("/", "/predict", "/health", "/metrics", "/docs", "/openapi.json")
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """The counts of one server.

    Args:
        waiting: rows that wait now.
        computed: tokens that have gone through a model so far.
    """

    def __init__(self, waiting: Callable[[], int], computed: Callable[[], int]) -> None:
        self.registry = own = CollectorRegistry()
        self._answers = Counter("promptsci_responses", "Answered requests.", ["path", "status"], registry=own)
        self._rows = Counter("promptsci_rows", "Answered rows.", ["outcome"], registry=own)
        self._batches = Histogram("promptsci_batch_rows", "Rows answered together.", buckets=ROWS, registry=own)
        self._seconds = Histogram("promptsci_predict_seconds", "Seconds to an answer.", buckets=SECONDS, registry=own)
        Gauge("promptsci_waiting_rows", "Rows that wait.", registry=own).set_function(waiting)
        Gauge("promptsci_computed_tokens", "Tokens through the model.", registry=own).set_function(computed)

    def answered(self, path: str, status: int) -> None:
        """A request was answered; paths that nobody serves are one."""
        self._answers.labels(path if path in PATHS else "other", str(status)).inc()

    def batch(self, n: int) -> None:
        """Rows go to the model together."""
        self._batches.observe(n)

    def rows(self, n: int, n_errors: int, seconds: float) -> None:
        """A request's rows are answered."""
        self._rows.labels("answer").inc(n - n_errors)
        self._rows.labels("error").inc(n_errors)
        self._seconds.observe(seconds)

    def text(self) -> bytes:
        """All counts as Prometheus reads them."""
        return generate_latest(self.registry)
