from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from promptsci.errors import PromptsciError
from promptsci.serve.batches import Batches, FullError, Work


class Heard:
    """Works that say which rows came together, once they are let."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.batches: list[tuple[str, list[int]]] = []

    def work(self, name: str, batch_rows: int, weight: int = 1) -> Work:
        """A work that answers each row with itself; a row below 0 fails."""

        def answer(rows: Sequence[int]) -> list[dict[str, Any]]:
            assert self.gate.wait(30)
            self.batches.append((name, list(rows)))
            if min(rows) < 0:
                raise PromptsciError("a row below 0")
            return [{"row": row} for row in rows]

        return Work(answer, batch_rows, weight)


@pytest.fixture
def heard() -> Heard:
    """Works, and what they heard."""
    return Heard()


def run(story: Callable[[Batches], Coroutine[Any, Any, Any]], waiting_rows: int = 100) -> Any:
    """What a story comes to while batches are answered."""

    async def told() -> Any:
        batches = Batches(waiting_rows)
        batches.start()
        try:
            return await story(batches)
        finally:
            await batches.stop()

    return asyncio.run(told())


def asked(batches: Batches, *requests: tuple[Work, list[int]]) -> list[asyncio.Task[Any]]:
    """The requests, under way in this order."""
    return [asyncio.ensure_future(batches.ask(work, rows)) for work, rows in requests]


async def answers(tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
    """The rows that came back to each, or what went wrong."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [each if isinstance(each, BaseException) else [answer["row"] for answer in each] for each in found]


def test_works_take_turns(heard: Heard) -> None:
    """A long request of one work delays the other by one batch of its own, and everybody gets his own rows back."""
    slow, quick = heard.work("slow", 1), heard.work("quick", 4)

    async def story(batches: Batches) -> list[Any]:
        tasks = asked(batches, (slow, [1, 2, 3]), (quick, [10, 11, 12]), (quick, [13]), (quick, [14, 15]))
        heard.gate.set()
        return await answers(tasks)

    assert run(story) == [[1, 2, 3], [10, 11, 12], [13], [14, 15]]
    assert heard.batches == [
        ("slow", [1]), ("quick", [10, 11, 12, 13]), ("slow", [2]), ("quick", [14, 15]), ("slow", [3]),
    ]  # fmt: skip


def test_only_a_request_that_no_batch_could_hold_is_torn(heard: Heard) -> None:
    """Its rows come in several batches, in order; the last of them takes others along."""
    work = heard.work("work", 3)

    async def story(batches: Batches) -> list[Any]:
        tasks = asked(batches, (work, [1]), (work, [2, 3, 4, 5, 6, 7, 8]), (work, [9, 10]), (work, [12, 13]))
        heard.gate.set()
        return await answers(tasks)

    assert run(story) == [[1], [2, 3, 4, 5, 6, 7, 8], [9, 10], [12, 13]]
    assert [rows for _, rows in heard.batches] == [[1], [2, 3, 4], [5, 6, 7], [8, 9, 10], [12, 13]]


def test_a_failure_ends_its_request_and_no_other(heard: Heard) -> None:
    """What is left of a request that failed is not computed, and those behind it are answered."""
    work = heard.work("work", 1)

    async def story(batches: Batches) -> list[Any]:
        tasks = asked(batches, (work, [1, -1, 2, 3]), (work, [4]))
        heard.gate.set()
        return await answers(tasks)

    failed, fine = run(story)
    assert isinstance(failed, PromptsciError)
    assert fine == [4]
    assert [rows for _, rows in heard.batches] == [[1], [-1], [4]]


def test_rows_of_clients_that_went_away_are_not_computed(heard: Heard) -> None:
    """A request that is given up waits no longer, and costs nothing."""
    work = heard.work("work", 1)

    async def story(batches: Batches) -> list[Any]:
        first, gone, last = asked(batches, (work, [1]), (work, [2, 3]), (work, [4]))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0)
        assert batches.waiting == 1
        heard.gate.set()
        return await answers([first, last])

    assert run(story) == [[1], [4]]
    assert [rows for _, rows in heard.batches] == [[1], [4]]


def test_rows_wait_by_their_weight(heard: Heard) -> None:
    """The limit holds for all works together; a request that finds nobody waiting is always taken."""
    heavy, light = heard.work("heavy", 1, weight=10), heard.work("light", 1)

    async def story(batches: Batches) -> list[Any]:
        tasks = asked(batches, (heavy, [1, 2, 3]))
        await asyncio.sleep(0.05)
        assert batches.waiting == 20
        tasks += asked(batches, (light, [4]), (light, [5] * 5), (heavy, [6]))
        await asyncio.sleep(0)
        heard.gate.set()
        return await answers(tasks)

    kinds = [type(each) for each in run(story, waiting_rows=25)]
    assert kinds == [list, list, FullError, FullError]
