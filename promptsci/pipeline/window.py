"""Rows that are planned together: their queries, each asked once, and the moment when a row has all its answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from promptsci.lm import Nats, Scored
from promptsci.pipeline.prepare import Prepared
from promptsci.prompt import Query, Question

WINDOW_TOKENS = 2_000_000
WINDOW_ROWS = 1_024
STEP = 64


def windows(prepared: Prepared, done: set[str]) -> Iterator[Window]:
    """Windows over all rows that hold one that is not done; memory does not grow with the number of rows."""
    questions: list[Question] = []
    n_tokens = 0
    for start in range(0, len(prepared.examples), STEP):
        for question in prepared.questioner.questions(prepared.examples[start : start + STEP]):
            questions.append(question)
            n_tokens += question.query.n_prompt_tokens
        if n_tokens >= WINDOW_TOKENS or len(questions) >= WINDOW_ROWS:
            yield Window(prepared, questions, done)
            questions, n_tokens = [], 0
    if questions:
        yield Window(prepared, questions, done)


class Window:
    """Questions that are planned together.

    Attributes:
        queries: what is asked of the model, each distinct query once.
        known: the numbers of queries that only rows already on disk wait for.
        first: the numbers of queries that many rows wait for.
    """

    def __init__(self, prepared: Prepared, questions: Sequence[Question], done: set[str]) -> None:
        self.prepared = prepared
        self.questions = questions
        self.queries: list[Query] = []
        numbers: dict[tuple[str, tuple[str, ...]], int] = {}
        self._parts: list[list[int]] = []
        self._waiting: list[list[int]] = []
        for row, question in enumerate(questions):
            mine = [numbers.setdefault((query.text, query.choices), len(numbers)) for query in question.queries()]
            for number, query in zip(mine, question.queries(), strict=True):
                if number == len(self.queries):
                    self.queries.append(query)
                    self._waiting.append([])
            for number in set(mine):
                self._waiting[number].append(row)
            self._parts.append(mine)
        self._is_done = [question.example.id in done for question in questions]
        self.known = {n for n, rows in enumerate(self._waiting) if all(self._is_done[row] for row in rows)}
        self.first = [n for n, rows in enumerate(self._waiting) if len(rows) > len(questions) // 2 > 0]

    def rows(self, answers: Iterable[Scored]) -> Iterator[dict[str, Any]]:
        """Yields the line of predictions.jsonl of each row that is not done, when the last of its answers is there."""
        left = [len(set(mine)) for mine in self._parts]
        nats: dict[int, Nats] = {}
        for answer in answers:
            nats[answer.index] = answer.nats
            for row in self._waiting[answer.index]:
                left[row] -= 1
                if not left[row] and not self._is_done[row]:
                    yield self._line(self.questions[row], [nats[number] for number in self._parts[row]])

    def _line(self, question: Question, nats: Sequence[Nats]) -> dict[str, Any]:
        """One line of predictions.jsonl; log-likelihoods in nats to six decimals."""
        rest = [self._named(each) for each in nats[1:]]
        return {
            "id": question.example.id,
            "gold": question.example.gold,
            "seen": question.example.id in self.prepared.seen,
            "nats": self._named(nats[0]),
            "premise_nats": rest.pop(0) if question.premise else None,
            "content_free_nats": rest,
            "prompt_tokens": question.query.n_prompt_tokens,
            "shots": [shot.id for shot in question.shots],
            "shots_dropped": question.n_dropped,
            "prompt_sha256": hashlib.sha256(question.query.text.encode()).hexdigest()[:16],
        }

    def _named(self, choices: Nats) -> dict[str, list[float]]:
        labels = self.prepared.task.labels
        return {label: [round(value, 6) for value in values] for label, values in zip(labels, choices, strict=True)}
