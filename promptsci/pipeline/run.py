"""The story of ``run``: settings -> prompts -> log-likelihoods or answers on disk -> scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from promptsci.errors import Interrupted
from promptsci.lm import LM, AdapterFolder, ModelFolder
from promptsci.pipeline.judge import judge
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.record import cost, new_record
from promptsci.pipeline.settings import Result, Settings
from promptsci.pipeline.window import windows
from promptsci.runs import RunFolder, run_name

SAVE_EVERY_S = 10.0


class Watcher(Protocol):
    """Hears how a run goes on."""

    def start(self, n_rows: int, n_done: int) -> None:
        """Rows in all, and rows that an earlier call has done."""

    def advance(self, n_rows: int, n_tokens: int) -> None:
        """Rows finished, and tokens that went through the model since the last call."""


class Silent:
    """Hears nothing."""

    def start(self, n_rows: int, n_done: int) -> None:
        """Nothing."""

    def advance(self, n_rows: int, n_tokens: int) -> None:
        """Nothing."""


LoadLM = Callable[[ModelFolder, Settings], LM]


@dataclass
class LMs:
    """Loads language models, each once; adapters change places on them."""

    load: LoadLM
    loaded: dict[tuple[Any, ...], LM] = field(default_factory=dict)
    adapters: dict[tuple[Any, ...], str | None] = field(default_factory=dict)

    def get(self, model: ModelFolder, settings: Settings, adapter: AdapterFolder | None = None) -> LM:
        """The LM of a folder under these settings, with this adapter on it, its counts at zero."""
        key = (model.sha256, settings.dtype, settings.sharing, settings.verify, settings.pack_tokens)
        if key not in self.loaded:
            self.loaded[key] = self.load(model, settings)
        lm = self.loaded[key]
        wanted = adapter.sha256 if adapter else None
        if self.adapters.get(key) != wanted:
            del self.loaded[key]  # an exchange that fails leaves a model that nobody should use
            lm.use(adapter)
            self.loaded[key], self.adapters[key] = lm, wanted
        lm.reset()
        return lm


def load_transformers(model: ModelFolder, settings: Settings) -> LM:
    """The transformers backend on a model folder."""
    from promptsci.lm import Scoring, TransformersLM

    scoring = Scoring(sharing=settings.sharing, verify=settings.verify, pack_tokens=settings.pack_tokens)
    return TransformersLM.load(
        model.path, dtype=settings.dtype, scoring=scoring, trust_remote_code=settings.trust_remote_code
    )


def folder_of(prepared: Prepared, root: Path) -> RunFolder:
    """Where this run stands on disk: the same for the same identity."""
    settings = prepared.settings
    wording = prepared.template.name.rsplit("/", 1)[-1]
    parts = [
        prepared.method,
        wording,
        prepared.model.name,
        prepared.adapter.name if prepared.adapter else "",
        prepared.choose if settings.shots else "",
        settings.split,
        f"seed{settings.seed}",
        f"n{settings.limit}" if settings.limit else "",
        f"order{settings.option_order}" if settings.option_order else "",
        settings.perturb or "",
    ]
    return RunFolder(root / prepared.task.name / run_name(parts, prepared.identity()))


def run(
    prepared: Prepared, folder: RunFolder, lms: LMs, *, fresh: bool = False, watcher: Watcher | None = None
) -> Result:
    """The result of a run, made now, continued, or found finished in its folder.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        RunError: the folder cannot be written.
    """
    if fresh:
        folder.clear()
    if not folder.is_whole:
        with stoppable(folder):
            _predict(prepared, folder, lms, watcher or Silent())
    return judge(prepared, folder)


@contextmanager
def stoppable(folder: RunFolder) -> Iterator[None]:
    """Nothing; the keyboard's interrupt becomes an Interrupted that says what is kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"stopped; what was scored is kept in {folder.path}",
            fix="Run the same command again; it goes on where it stopped.",
        ) from error


def _predict(prepared: Prepared, folder: RunFolder, lms: LMs, watcher: Watcher) -> None:
    """Asks about the rows that are not on disk yet and puts predictions.jsonl in place."""
    folder.check_idle()
    done = {row["id"] for row in folder.partial_rows()}
    if len(done) < len(prepared.examples):
        keeper = _Keeper(prepared, folder, lms)
        watcher.start(len(prepared.examples), len(done))
        try:
            with folder.appending() as writer:
                for row in _rows(prepared, keeper.lm, done, watcher):
                    writer.write(row)
                    keeper.save_now_and_then()
        except BaseException:
            keeper.save("interrupted")
            raise
        keeper.save("predicted")
    folder.finish([example.id for example in prepared.examples])


def _rows(prepared: Prepared, lm: LM, done: set[str], watcher: Watcher) -> Iterator[dict[str, Any]]:
    """Yields the line of each row that is not done, as it is answered."""
    for window in windows(prepared, done):
        counted = lm.tokens.computed
        for row in window.ask(lm):
            yield row
            watcher.advance(1, lm.tokens.computed - counted)
            counted = lm.tokens.computed


class _Keeper:
    """Loads the LM and keeps run.json up to date, so that a killed run has lost seconds of its cost and no row."""

    def __init__(self, prepared: Prepared, folder: RunFolder, lms: LMs) -> None:
        self.folder = folder
        self.prepared = prepared
        self._earlier = folder.read_run().get("cost") if folder.exists else None
        self._record = new_record(prepared)
        start = time.perf_counter()
        self.lm = lms.get(prepared.model, prepared.settings, prepared.adapter)
        self._loaded = time.perf_counter()
        self._load_s = self._loaded - start
        self.save("running")

    def save_now_and_then(self) -> None:
        """Writes run.json when it is ten seconds old."""
        if time.perf_counter() - self._saved > SAVE_EVERY_S:
            self.save("running")

    def save(self, state: str) -> None:
        """Writes run.json."""
        self._saved = time.perf_counter()
        score_s = self._saved - self._loaded - self.lm.check_seconds
        spent = {"load": self._load_s, "verify": self.lm.check_seconds, "score": score_s}
        self.folder.write_run(
            {
                **self._record,
                "state": state,
                "cost": cost(self._earlier, self.lm.tokens.to_json(), spent),
                "model_description": self.lm.describe().to_json(),
                "warnings": _warnings(self.prepared, self.lm),
            }
        )


def _warnings(prepared: Prepared, lm: LM) -> list[str]:
    found = [*prepared.notes, *lm.describe().notes]
    spanning = prepared.questioner.encoder.spanning
    if spanning:
        found.append(f"a token spans the join of prompt and answer {spanning} times; there the two are tokenised apart")
    embed = prepared.pool.embed
    if embed is not None and embed.n_cut:
        found.append(f"{embed.n_cut} texts were compared without their end, which the encoder does not hold")
    controlled = prepared.questioner.encoder.controlled
    if controlled:
        found.append(f"the text holds control tokens of the model, which it reads as its own: {', '.join(controlled)}")
    return found
