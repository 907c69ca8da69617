"""Rows of many requests, answered together: what waits while one batch is answered becomes the next.

Several kinds of work share one queue and one thread, and take turns: a long one delays another by one batch of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from promptsci.errors import PromptsciError

Answers = list[dict[str, Any]]


class FullError(PromptsciError):
    """So many rows wait that no more are taken."""


class StoppingError(PromptsciError):
    """The server is about to end and takes no more rows."""


@dataclass(frozen=True, eq=False)
class Work:
    """What is done with rows.

    Attributes:
        answer: answers rows.
        batch_rows: answered together; a request with more is answered in several batches.
        weight: as how many rows one of them waits.
        heard: hears the size of each batch.
    """

    answer: Callable[[Sequence[Any]], Answers]
    batch_rows: int
    weight: int = 1
    heard: Callable[[int], None] = lambda _n: None


@dataclass
class _Request:
    """A request that waits: its rows, how many of them were taken, and the answers to those."""

    rows: Sequence[Any]
    answers: asyncio.Future[Answers] = field(repr=False)
    taken: int = 0
    found: Answers = field(default_factory=list)

    @property
    def left(self) -> int:
        """Rows to be answered; none where one has failed or the client went away."""
        return 0 if self.answers.done() else len(self.rows) - self.taken

    def take(self, most: int) -> Sequence[Any]:
        """Its next rows."""
        rows = self.rows[self.taken : self.taken + min(most, self.left)]
        self.taken += len(rows)
        return rows

    def told(self, answers: Answers) -> None:
        """The answers to rows that were taken."""
        self.found += answers
        if len(self.found) == len(self.rows) and not self.answers.done():
            self.answers.set_result(self.found)


Part = tuple[_Request, Sequence[Any]]


class Batches:
    """Collects rows and has them answered, one batch after the other, in a thread of their own.

    Args:
        waiting_rows: the most that may wait.
    """

    def __init__(self, waiting_rows: int) -> None:
        self._most_waiting = waiting_rows
        self._queues: dict[Work, deque[_Request]] = {}
        self._news = asyncio.Event()
        self._is_stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._loop: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Rows that wait, each by its weight."""
        return sum(work.weight * each.left for work, queue in self._queues.items() for each in queue)

    def start(self) -> None:
        """Begins to answer."""
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Answers what waits, and ends."""
        self._is_stopping = True
        self._news.set()
        if self._loop is not None:
            await self._loop
        self._thread.shutdown()

    async def ask(self, work: Work, rows: Sequence[Any]) -> Answers:
        """The answers to rows, when their turn has come.

        Raises:
            FullError: too many rows wait.
            StoppingError: the server is about to end.
        """
        if self._is_stopping:
            raise StoppingError("the server is stopping")
        waiting = self.waiting
        if waiting and waiting + work.weight * len(rows) > self._most_waiting:
            counted = f"; one of these counts as {work.weight}" if work.weight > 1 else ""
            what = f"{waiting:,} rows wait already, and {self._most_waiting:,} may{counted}"
            raise FullError(what, fix="Ask again later.")
        mine = _Request(rows, asyncio.get_running_loop().create_future())
        self._queues.setdefault(work, deque()).append(mine)
        self._news.set()
        return await mine.answers

    async def _run(self) -> None:
        while any(self._queues.values()) or not self._is_stopping:
            await self._news.wait()
            self._news.clear()
            while any(self._queues.values()):
                await self._answer(*self._next())

    def _next(self) -> tuple[Work, list[Part]]:
        """The work whose turn it is, and the rows of its next batch; a request that fits into one is not torn."""
        work = next(work for work, queue in self._queues.items() if queue)
        queue = self._queues[work] = self._queues.pop(work)  # to the end
        parts: list[Part] = []
        room = work.batch_rows
        while queue and room and (not parts or queue[0].left <= room):
            rows = queue[0].take(room)
            parts.append((queue[0], rows))
            room -= len(rows)
            if not queue[0].left:
                queue.popleft()
        return work, parts

    async def _answer(self, work: Work, parts: Sequence[Part]) -> None:
        rows = [row for _, part in parts for row in part]
        if not rows:  # their clients went away
            return
        work.heard(len(rows))
        job = asyncio.get_running_loop().run_in_executor(self._thread, work.answer, rows)
        await asyncio.wait([job])
        error = job.exception()
        answers = iter(job.result() if error is None else ())
        for request, part in parts:
            if error is None:
                request.told([next(answers) for _ in part])
            elif not request.answers.done():
                request.answers.set_exception(error)
