"""Where a tuning plays, and who watches."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.pipeline.prepare import prepare
from promptsci.pipeline.ready import Ready
from promptsci.pipeline.run import LMs, folder_of, run
from promptsci.pipeline.settings import Result, Settings
from promptsci.spec import Catalog

WatchRun = Callable[[Ready], Any]
"""Makes a context manager that gives the Watcher of one run."""
WatchTraining = Callable[[], Any]
"""Makes a context manager that gives the TuneWatcher of the training."""


@dataclass(frozen=True)
class Stage:
    """Where a tuning plays, and who watches.

    Attributes:
        root: the folder of all runs.
        lms: loads models for the closing runs.
        fresh: forget what an earlier call has stored.
        watch_training: watches the training.
        watch_run: watches the closing runs.
    """

    root: Path
    lms: LMs
    fresh: bool = False
    watch_training: WatchTraining | None = None
    watch_run: WatchRun | None = None

    def training(self) -> AbstractContextManager[Any]:
        """A context manager that gives the watcher of the training; None where nobody watches."""
        return self.watch_training() if self.watch_training else nullcontext()

    def watched(self, one: Ready) -> AbstractContextManager[Any]:
        """A context manager that gives the watcher of a run; None where nobody watches."""
        return self.watch_run(one) if self.watch_run else nullcontext()

    def score(self, settings: Settings, catalog: Catalog, *, fresh: bool | None = None) -> Result:
        """The result of a run, made now or found finished.

        Args:
            settings: of the run.
            catalog: where task and template are found.
            fresh: whether what is stored of it counts for nothing; None as the stage says.
        """
        one = prepare(settings, catalog)
        with self.watched(one) as watcher:
            again = self.fresh if fresh is None else fresh
            return run(one, folder_of(one, self.root), self.lms, fresh=again, watcher=watcher)


def is_first() -> bool:
    """Whether this process is the only one, or the first of several."""
    return os.environ.get("RANK", "0") == "0"
