"""Rows and log-likelihoods that several tests of the score room share."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from promptsci.score.loglik import LogLikelihoods
from promptsci.score.outcomes import Outcomes

LABELS = ("Background", "Uses", "Future")


@pytest.fixture
def make_rows() -> Callable[..., list[dict[str, Any]]]:
    """A maker of rows as they stand in predictions.jsonl, with every reference score stored."""

    def make(n: int = 40, seed: int = 0, fillings: int = 3) -> list[dict[str, Any]]:
        rng = np.random.default_rng(seed)

        def nats() -> dict[str, list[float]]:
            return {label: (-rng.exponential(2.0, size=1 + i)).tolist() for i, label in enumerate(LABELS)}

        return [
            {
                "id": f"test-{number}",
                "gold": LABELS[int(rng.integers(3))],
                "seen": bool(rng.random() < 0.3),
                "nats": nats(),
                "premise_nats": nats(),
                "content_free_nats": [nats() for _ in range(fillings)],
                "prompt_tokens": 812,
                "shots_dropped": 0,
                "prompt_sha256": "00",
            }
            for number in range(n)
        ]

    return make


@pytest.fixture
def make_logliks() -> Callable[..., LogLikelihoods]:
    """A maker of log-likelihoods from plain arrays, one token a label unless said otherwise."""

    def make(sum_nats: Any, **given: Any) -> LogLikelihoods:
        sums = np.asarray(sum_nats, dtype=np.float64)
        n, c = sums.shape
        arrays: dict[str, Any] = {
            "gold": np.zeros(n, dtype=np.int64),
            "seen": np.zeros(n, dtype=bool),
            "n_tokens": np.ones((n, c), dtype=np.int64),
        }
        arrays.update({name: np.asarray(value) for name, value in given.items()})
        return LogLikelihoods(
            ids=tuple(f"e{i}" for i in range(n)), labels=tuple("ABCDEFGH"[:c]), sum_nats=sums, **arrays
        )

    return make


@pytest.fixture
def make_outcomes() -> Callable[..., Outcomes]:
    """A maker of decided rows from gold and predicted positions."""

    def make(gold: Any, predicted: Any, n_labels: int = 3, log_probs: Any = None, seen: Any = None) -> Outcomes:
        return Outcomes(
            labels=tuple("ABCDEFGH"[:n_labels]),
            gold=np.asarray(gold, dtype=np.int64),
            predicted=np.asarray(predicted, dtype=np.int64),
            seen=np.zeros(len(gold), dtype=bool) if seen is None else np.asarray(seen, dtype=bool),
            log_probs=None if log_probs is None else np.asarray(log_probs, dtype=np.float64),
        )

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to open a connection fails at once."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def evaluate_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The evaluate library writes its copies of scripts to a fresh folder, not to the user's cache."""
    import evaluate.config

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path_factory.mktemp("modules"))
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path_factory.mktemp("metrics"))
        yield
