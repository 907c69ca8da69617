"""Helpful and harmful shots over a split: every row asked again without each of its shots, exactly.

Rows that have the same shots share them, so that taking one out costs its shots once and the queries of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from promptsci.data import Example
from promptsci.explain.odds import Odds
from promptsci.lm import LM
from promptsci.prompt import Assembler, Encoder, Question
from promptsci.score import percentile_interval

RESAMPLES = 2_000
WINDOW = 512
"""Rows that are planned together."""


@dataclass(frozen=True)
class Help:
    """What a shot does over the rows that it was shown to.

    Attributes:
        shot: the example.
        n: rows that it was shown to.
        change: how much the log-odds of the right answer fall without it, in nats, on average: above 0 it helps.
        low: the lower end of the 95 % interval over rows (bootstrap).
        high: the upper end.
        helped: the share of rows whose right answer is less likely without it.
        mended: rows that are right with it and wrong without.
        broken: rows that are wrong with it and right without.
    """

    shot: Example
    n: int
    change: float
    low: float
    high: float
    helped: float
    mended: int
    broken: int

    @property
    def verdict(self) -> str:
        """``helpful`` or ``harmful`` where the interval leaves out 0, else ``unclear``."""
        return "helpful" if self.low > 0 else "harmful" if self.high < 0 else "unclear"

    def to_json(self) -> dict[str, Any]:
        """The shot and its numbers."""
        named = {"id": self.shot.id, "gold": self.shot.gold, "text": self.shot.text}
        numbers = {name: value for name, value in vars(self).items() if name != "shot"}
        return {**named, **numbers, "verdict": self.verdict}


@dataclass(frozen=True)
class _Loss:
    """One shot taken from one row."""

    shot: Example
    change: float
    right_with: bool
    right_without: bool


def shot_map(
    lm: LM, assembler: Assembler, encoder: Encoder, rows: Sequence[tuple[Question, Odds]], told: Callable[[int], None]
) -> list[Help]:
    """What each shot does over labelled rows, the most helpful first.

    Args:
        lm: scores.
        assembler: makes prompts.
        encoder: makes tokens.
        rows: the rows with their shots, and the Odds of each.
        told: hears of rows that are done.
    """
    losses: dict[str, list[_Loss]] = {}
    for start in range(0, len(rows), WINDOW):
        for loss in _losses(lm, assembler, encoder, rows[start : start + WINDOW]):
            losses.setdefault(loss.shot.id, []).append(loss)
        told(len(rows[start : start + WINDOW]))
    found = [_help(parts) for parts in losses.values()]
    return sorted(found, key=lambda one: (-one.change, one.shot.id))


def _losses(lm: LM, assembler: Assembler, encoder: Encoder, rows: Sequence[tuple[Question, Odds]]) -> Iterator[_Loss]:
    """Yields each shot taken from each row."""
    prompts = []
    for question, _ in rows:
        prompt = assembler.prompt(question.example, question.shots)
        shown = prompt.shots
        prompts += [prompt, *(prompt.with_shots([*shown[:i], *shown[i + 1 :]]) for i in range(len(shown)))]
    nats = iter([one.nats for one in sorted(lm.score(encoder.encode(prompts)))])
    for question, odds in rows:
        gold = assembler.names(question.example).index(question.example.gold)
        whole = next(nats)
        for shot in question.shots:
            less = next(nats)
            change = odds.of(whole, gold) - odds.of(less, gold)
            yield _Loss(shot, change, odds.decide(whole) == gold, odds.decide(less) == gold)


def _help(losses: Sequence[_Loss]) -> Help:
    changes = np.array([loss.change for loss in losses])
    draws = np.random.default_rng(0).integers(0, len(changes), (RESAMPLES, len(changes)))
    low, high = percentile_interval(changes[draws].mean(axis=1))
    return Help(
        shot=losses[0].shot,
        n=len(losses),
        change=float(changes.mean()),
        low=low,
        high=high,
        helped=float((changes > 0).mean()),
        mended=sum(loss.right_with and not loss.right_without for loss in losses),
        broken=sum(loss.right_without and not loss.right_with for loss in losses),
    )
