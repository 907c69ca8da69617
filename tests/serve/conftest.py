"""A real server on a socket of its own, in a thread of this process, over a tiny model or a scripted engine."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from promptsci.pipeline import ClassifierSettings, LMs, Settings, load_transformers
from promptsci.pipeline.predict import learned_method, prompt_method
from promptsci.serve import Address, Engine, Limits, prepare_engine
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

TOKEN = "a-token-of-many-letters"


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Server:
    """A running server and its client."""

    TOKEN = TOKEN

    def __init__(self, port: int, stop: Callable[[], None]) -> None:
        self.port = port
        self.stop = stop

    def ask(self, verb: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request, the body as JSON unless it is bytes."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            known = {"Content-Type": "application/json", **{name.replace("_", "-"): v for name, v in headers.items()}}
            connection.request(verb, path, raw, known)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def predict(self, *rows: dict[str, Any], **headers: str) -> Reply:
        """``POST /predict``."""
        return self.ask("POST", "/predict", {"rows": list(rows)}, **headers)

    def explain(self, *rows: dict[str, Any], label: str | None = None) -> Reply:
        """``POST /explain``."""
        return self.ask("POST", "/explain", {"rows": list(rows), **({"label": label} if label else {})})


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """A function: (engine, limits, address) -> a running server; it is stopped in the end."""
    import uvicorn

    from promptsci.serve import server as serving

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def run(engine: Any, limits: Limits | None = None, address: Address | None = None) -> Server:
        from promptsci.serve.app import build_app

        address = address or Address(port=0)
        limits = limits or Limits()
        listener = serving._listen(address)
        server = uvicorn.Server(serving.config_of(build_app(engine, limits, address), limits))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)

        def stop() -> None:
            server.should_exit = True
            thread.join(30)
            listener.close()
            assert not thread.is_alive()

        running.append((server, thread))
        return Server(listener.getsockname()[1], stop)

    yield run
    for server, thread in running:
        server.should_exit = True
        thread.join(30)


class SlowEngine:
    """Answers and explains each row with itself, when it is let; notes the sizes of batches, below 0 explained ones."""

    def __init__(self, engine: Engine) -> None:
        self.method = engine.method
        self.computed = 0
        self.explainer = "one that SlowEngine does without"
        self.gate = threading.Event()
        self.sizes: list[int] = []

    def about(self) -> dict[str, Any]:
        return {"title": "slow"}

    def answer(self, rows: Any) -> list[dict[str, Any]]:
        self.sizes.append(len(rows))
        assert self.gate.wait(30)
        return [{"answer": dict(row), "error": None} for row in rows]

    def explain(self, asked: Any) -> list[dict[str, Any]]:
        self.sizes.append(-len(asked))
        assert self.gate.wait(30)
        return [{"explanation": dict(row), "error": None} for row, _label in asked]


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A bag of words on the bundled task."""
    root = tmp_path_factory.mktemp("learned")
    settings = ClassifierSettings("citation-intent", "majority", split="validation")
    return prepare_engine(learned_method(settings, Catalog((shipped_root(),)), root), root, 0.1)


@pytest.fixture
def slow(learned: Engine) -> SlowEngine:
    """An engine that waits to be let."""
    return SlowEngine(learned)


@pytest.fixture(scope="session")
def prompted(tiny_lm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Engine]:
    """A function: settings -> an engine over the tiny model with two shots, made once."""
    root, made = tmp_path_factory.mktemp("served"), dict[str, Engine]()

    def make(**changes: Any) -> Engine:
        import torch

        torch.set_num_threads(1)
        asked = {"shots": 2, "format": "plain", "dtype": "float32", "verify": 0, "split": "validation", "limit": 24}
        settings = Settings("citation-intent", model=str(tiny_lm_folder), **{**asked, **changes})
        if repr(settings) not in made:
            method = prompt_method(settings, Catalog((shipped_root(),)), LMs(load_transformers))
            made[repr(settings)] = prepare_engine(method, root / str(settings.rule), 0.1)
        return made[repr(settings)]

    return make
