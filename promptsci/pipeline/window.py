"""Rows that are planned together: their queries, each asked once, and the moment when a row has all its answers.

There are two ways to ask: choices are scored, or an answer is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from promptsci.lm import LM, Nats, Scored
from promptsci.pipeline.prepare import Prepared
from promptsci.prompt import Query, Question

WINDOW_TOKENS = 2_000_000
WINDOW_ROWS = 1_024
STEP = 64
"""Rows whose prompts are made at a time, and whose answers are written side by side."""


class Asked(Protocol):
    """Rows that are planned together."""

    def ask(self, lm: LM) -> Iterator[dict[str, Any]]:
        """Yields the line of predictions.jsonl of each row that is not done, when its answers are there."""
        ...


def windows(prepared: Prepared, done: set[str]) -> Iterator[Asked]:
    """Windows over all rows that hold one that is not done; memory does not grow with the number of rows."""
    return _written_windows(prepared, done) if prepared.writing else _scored_windows(prepared, done)


def _written_windows(prepared: Prepared, done: set[str]) -> Iterator[Asked]:
    for start in range(0, len(prepared.examples), STEP):
        examples = prepared.examples[start : start + STEP]
        if any(example.id not in done for example in examples):
            yield WrittenWindow(prepared, prepared.questioner.questions(examples), done)


def _scored_windows(prepared: Prepared, done: set[str]) -> Iterator[Asked]:
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

    def ask(self, lm: LM) -> Iterator[dict[str, Any]]:
        """Yields the line of each row that is not done, as it is scored."""
        yield from self.rows(lm.score(self.queries, self.known, self.first))

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
        names = self.prepared.questioner.assembler.names(question.example)
        own, *rest = [_named(names, each) for each in nats]
        answer = {
            "nats": own,
            "premise_nats": rest.pop(0) if question.premise else None,
            "content_free_nats": rest,
        }
        return line(self.prepared, question, answer)


class WrittenWindow:
    """Questions whose answers are written side by side.

    All of them are written even where some are on disk already: what one answer is may depend, by rounding, on those
    beside it, and a run that was interrupted must not differ from one that was not.
    """

    def __init__(self, prepared: Prepared, questions: Sequence[Question], done: set[str]) -> None:
        self.prepared = prepared
        self.questions = questions
        self._done = done

    def ask(self, lm: LM) -> Iterator[dict[str, Any]]:
        """Yields the line of each row that is not done, as its answer is finished."""
        assert self.prepared.writing is not None
        assembler = self.prepared.questioner.assembler
        for number, generated in lm.generate([each.query for each in self.questions], self.prepared.writing):
            question = self.questions[number]
            if question.example.id in self._done:
                continue
            answer = {
                "text": generated.text,
                "answer": assembler.read(generated.text, question.example),
                "answer_tokens": len(generated.ids),
                "finished_by": generated.finished_by,
            }
            yield line(self.prepared, question, answer)


def line(prepared: Prepared, question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    """One line of predictions.jsonl: what every row says, round what was answered."""
    return {
        "id": question.example.id,
        "gold": question.example.gold,
        "seen": question.example.id in prepared.seen,
        **answer,
        **question.example.known,
        "prompt_tokens": question.query.n_prompt_tokens,
        "shots": [shot.id for shot in question.shots],
        "shots_dropped": question.n_dropped,
        "prompt_sha256": hashlib.sha256(question.query.text.encode()).hexdigest()[:16],
    }


def _named(names: Sequence[str], choices: Nats) -> dict[str, list[float]]:
    return {name: [round(value, 6) for value in values] for name, values in zip(names, choices, strict=True)}
