"""Rows of many requests, answered together: what waits while one batch is answered becomes the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from promptsci.errors import PromptsciError

Rows = Sequence[dict[str, Any]]
AnswerRows = Callable[[Rows], list[dict[str, Any]]]


class FullError(PromptsciError):
    """So many rows wait that no more are taken."""


class StoppingError(PromptsciError):
    """The server is about to end and takes no more rows."""


@dataclass
class _Waiting:
    """A request that waits."""

    rows: Rows
    answers: asyncio.Future[list[dict[str, Any]]] = field(repr=False)


class Batches:
    """Collects rows and has them answered, one batch after the other, in a thread of their own.

    Args:
        answer: answers rows.
        batch_rows: in a batch; a request with more is a batch by itself.
        waiting_rows: the most that may wait.
        heard: hears the size of each batch.
    """

    def __init__(
        self, answer: AnswerRows, batch_rows: int, waiting_rows: int, heard: Callable[[int], None] | None = None
    ) -> None:
        self._answer = answer
        self._batch_rows = batch_rows
        self._most_waiting = waiting_rows
        self._heard = heard or (lambda _n: None)
        self._queue: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._is_stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._loop: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        return sum(len(each.rows) for each in self._queue)

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

    async def ask(self, rows: Rows) -> list[dict[str, Any]]:
        """The answers to rows, when their turn has come.

        Raises:
            FullError: too many rows wait.
            StoppingError: the server is about to end.
        """
        if self._is_stopping:
            raise StoppingError("the server is stopping")
        waiting = self.waiting
        if waiting and waiting + len(rows) > self._most_waiting:
            raise FullError(f"{waiting} rows wait already, and {self._most_waiting} may", fix="Ask again later.")
        mine = _Waiting(rows, asyncio.get_running_loop().create_future())
        self._queue.append(mine)
        self._news.set()
        return await mine.answers

    async def _run(self) -> None:
        while self._queue or not self._is_stopping:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                await self._answer_batch(self._next())

    def _next(self) -> list[_Waiting]:
        batch = [self._queue.popleft()]
        n = len(batch[0].rows)
        while self._queue and n + len(self._queue[0].rows) <= self._batch_rows:
            batch.append(self._queue.popleft())
            n += len(batch[-1].rows)
        return batch

    async def _answer_batch(self, batch: Sequence[_Waiting]) -> None:
        rows = [row for each in batch for row in each.rows]
        self._heard(len(rows))
        job = asyncio.get_running_loop().run_in_executor(self._thread, self._answer, rows)
        await asyncio.wait([job])
        error = job.exception()
        answers = iter(job.result() if error is None else ())
        for each in batch:
            mine = [] if error is not None else [next(answers) for _ in each.rows]
            if each.answers.done():  # its client went away
                continue
            if error is None:
                each.answers.set_result(mine)
            else:
                each.answers.set_exception(error)
