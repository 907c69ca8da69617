"""The story of ``study``: methods -> runs that are missing, within a budget -> one comparison and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.compare import Comparison, Question, compare, read_candidate
from promptsci.errors import Interrupted, PromptsciError, RunError
from promptsci.runs import RunFolder
from promptsci.study.advice import advice
from promptsci.study.estimate import LOADING_S, Speed
from promptsci.study.work import Means, Work


@dataclass(frozen=True)
class Step:
    """One run of a plan.

    Attributes:
        work: how it is made.
        folder: the finished Run, or None where it has still to be made.
        seconds: about how long that takes; 0 for a finished one.
    """

    work: Work
    folder: RunFolder | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "method": self.work.method,
            "seed": self.work.seed,
            "stored": self.folder is not None,
            "seconds": round(self.seconds, 1),
            "run_dir": str(self.folder.path) if self.folder else None,
        }


@dataclass(frozen=True)
class Plan:
    """All runs of a study, in the order in which they are made."""

    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """About how long the missing ones take."""
        return sum(step.seconds for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {"steps": [step.to_json() for step in self.steps], "seconds": round(self.seconds, 1)}


@dataclass(frozen=True)
class Outcome:
    """What became of a step: its Run, or why there is none."""

    step: Step
    folder: RunFolder | None
    why: str | None = None
    failed: bool = False


@dataclass(frozen=True)
class Study:
    """A finished study.

    Attributes:
        outcomes: of every step.
        comparison: of all Runs there are; None where there are fewer than two.
        advice: what the numbers say to do, in sentences.
    """

    outcomes: tuple[Outcome, ...]
    comparison: Comparison | None
    advice: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether a run could not be made."""
        return any(outcome.failed for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "runs": [
                {**outcome.step.to_json(), "run_dir": str(outcome.folder.path) if outcome.folder else None,
                 "why": outcome.why}
                for outcome in self.outcomes
            ],
            "comparison": self.comparison.to_json() if self.comparison else None,
            "advice": list(self.advice),
        }  # fmt: skip


def plan(found: Sequence[Work], root: Path, speed: Speed, *, fresh: bool = False) -> Plan:
    """What has to be done, and about how long it takes; each model is loaded once."""
    steps, loaded = [], set[str]()
    for work in found:
        folder = None if fresh else work.stored(root)
        seconds = 0.0
        if folder is None:
            effort = work.effort()
            seconds = speed.seconds(effort)
            if effort.path is not None and effort.model not in loaded:
                loaded.add(effort.model)
                seconds += LOADING_S
        steps.append(Step(work, folder, seconds))
    return Plan(tuple(steps))


def carry_out(
    planned: Plan, means: Means, *, budget_s: float | None = None, tell: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """The outcome of each step: what is missing is made, one failure stops none of the others.

    Args:
        planned: the steps.
        means: with what they are made.
        budget_s: seconds; a step that is not expected to end within them is left out, and the outcome says so.
        tell: hears each outcome when it is there.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
    """
    outcomes = []
    for outcome in _outcomes(planned, means, budget_s):
        tell(outcome)
        outcomes.append(outcome)
    return outcomes


def _outcomes(planned: Plan, means: Means, budget_s: float | None) -> Iterator[Outcome]:
    start = time.monotonic()
    for step in planned.steps:
        if step.folder is not None:
            yield Outcome(step, step.folder)
            continue
        left = None if budget_s is None else budget_s - (time.monotonic() - start)
        if left is not None and step.seconds > left:
            yield Outcome(
                step, None, f"left out: about {step.seconds:.0f} s, {max(left, 0):.0f} s of the budget are left"
            )
            continue
        try:
            yield Outcome(step, step.work.do(means))
        except Interrupted:
            raise
        except PromptsciError as error:
            yield Outcome(step, None, error.text(), failed=True)


def conclude(outcomes: Sequence[Outcome], question: Question | None = None) -> Study:
    """The comparison of all Runs there are, and what it says to do.

    Raises:
        RunError: there is no Run at all.
    """
    folders = {outcome.folder.path: outcome.folder for outcome in outcomes if outcome.folder}
    if not folders:
        why = next((outcome.why for outcome in outcomes if outcome.why), "nothing was asked")
        raise RunError(f"no run could be made: {why}")
    if len(folders) < 2:
        return Study(tuple(outcomes), None, ())
    left_out = [
        f"{outcome.step.work.method} (seed {outcome.step.work.seed}): {outcome.why}"
        for outcome in outcomes
        if outcome.why
    ]
    comparison = compare([read_candidate(folder) for folder in folders.values()], question, notes=left_out)
    return Study(tuple(outcomes), comparison, tuple(advice(comparison)))
