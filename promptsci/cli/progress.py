"""Progress on stderr: rows, rate and time to go; quiet where stderr is not a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class RowProgress:
    """A bar of scored rows with rows/s, tokens/s and the time to go."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._bar = progress.add_task(title, total=None, rate="")
        self._tokens = 0
        self._done_before = 0

    def start(self, n_rows: int, n_done: int) -> None:
        """Rows in all, and rows that an earlier call has done."""
        self._done_before = n_done
        self._progress.update(self._bar, total=n_rows, completed=n_done)

    def advance(self, n_rows: int, n_tokens: int) -> None:
        """Rows finished, and tokens that went through the model since the last call."""
        self._tokens += n_tokens
        task = self._progress.tasks[self._bar]
        elapsed_s = task.elapsed or 0.0
        rate = ""
        if elapsed_s > 0:
            rows = task.completed + n_rows - self._done_before
            rate = f"{rows / elapsed_s:.1f} rows/s  {self._tokens / elapsed_s:,.0f} tokens/s"
        self._progress.update(self._bar, advance=n_rows, rate=rate)


def _counted() -> Progress:
    """Bars of things that are counted, with their rate."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


@contextmanager
def row_progress(title: str) -> Iterator[RowProgress]:
    """A bar for one run."""
    with _counted() as progress:
        yield RowProgress(progress, title)


class TuneProgress:
    """A bar of training steps with loss, the metric on validation, tokens/s and the time to go."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._bar = progress.add_task(title, total=None, rate="")
        self._tokens = 0
        self._told: dict[str, str] = {}

    def start(self, n_steps: int, n_done: int) -> None:
        """Steps in all, and steps that an earlier call has done."""
        self._progress.reset(self._bar, total=n_steps, completed=n_done)

    def step(self, n_lessons: int, n_tokens: int) -> None:  # noqa: ARG002 - the watcher's signature
        """A step is done."""
        self._tokens += n_tokens
        elapsed_s = self._progress.tasks[self._bar].elapsed or 0.0
        self._told["rate"] = f"{self._tokens / elapsed_s:,.0f} tokens/s" if elapsed_s else ""
        self._progress.update(self._bar, advance=1, rate="  ".join(filter(None, self._told.values())))

    def told(self, news: Mapping[str, float]) -> None:
        """Loss of the last steps, or the metrics of an examination, which stay on the screen."""
        if "loss" in news:
            self._told["loss"] = f"loss {news['loss']:.3f}"
        if "eval_main" in news:
            self._told["main"] = f"validation {100 * news['eval_main']:.1f}"
            loss = news.get("eval_choice_loss", news.get("eval_lm_loss", 0.0))
            if not self._progress.disable:
                self._progress.console.print(f"validation {100 * news['eval_main']:.1f}, loss {loss:.3f}")


@contextmanager
def tune_progress(title: str) -> Iterator[TuneProgress]:
    """A bar for one training."""
    with _counted() as progress:
        yield TuneProgress(progress, title)


class ByteProgress:
    """Bars of a download and a conversion."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, Any] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Bytes done of a stage."""
        if stage not in self._bars:
            self._bars[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._bars[stage], completed=done, total=total)


@contextmanager
def byte_progress() -> Iterator[ByteProgress]:
    """Bars for fetching a model."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield ByteProgress(progress)
