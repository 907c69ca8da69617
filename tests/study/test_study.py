from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import Interrupted, ModelError, RunError
from promptsci.pipeline import LMs
from promptsci.runs import RunFolder
from promptsci.study import Means, Speed, carry_out, plan
from promptsci.study.estimate import LOADING_S, Effort
from promptsci.study.study import conclude


@dataclass
class FakeWork:
    """Work that writes down that it was done, or fails."""

    method: str
    tokens: int = 1000
    error: Exception | None = None
    is_stored: bool = False
    seed: int = 0
    done: list[str] = field(default_factory=list)

    def stored(self, root: Path) -> RunFolder | None:
        return RunFolder(root / self.method) if self.is_stored else None

    def effort(self) -> Effort:
        return Effort("tiny", Path("tiny"), self.tokens, 0.0)

    def do(self, means: Means) -> RunFolder:
        if self.error:
            raise self.error
        self.done.append(self.method)
        return RunFolder(means.root / self.method)


@pytest.fixture
def means(tmp_path: Path) -> Means:
    """Means that load nothing and show nothing."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("nothing is to be loaded")

    return Means(tmp_path, LMs(refuse), lambda _: nullcontext(), lambda _: nullcontext())


SPEED = Speed({"tiny": 100.0})


def test_only_what_is_missing_is_made(means: Means) -> None:
    """A stored run costs nothing and is not made again; a missing one is."""
    stored, missing = FakeWork("stored", is_stored=True), FakeWork("missing")
    planned = plan([stored, missing], means.root, SPEED)
    outcomes = carry_out(planned, means)

    assert [step.seconds for step in planned.steps] == [0.0, 10.0 + LOADING_S]
    assert (stored.done, missing.done) == ([], ["missing"])
    assert all(outcome.folder for outcome in outcomes)


def test_fresh_makes_everything_again(means: Means) -> None:
    """What is stored does not count."""
    stored = FakeWork("stored", is_stored=True)
    carry_out(plan([stored], means.root, SPEED, fresh=True), means)

    assert stored.done == ["stored"]


def test_a_model_is_loaded_once(means: Means) -> None:
    """The second run of a model is planned without its loading."""
    planned = plan([FakeWork("a"), FakeWork("b")], means.root, SPEED)

    assert planned.seconds == pytest.approx(20.0 + LOADING_S)


def test_what_does_not_fit_the_budget_is_left_out_and_said(means: Means) -> None:
    """A long run is left out, a short one behind it is still made."""
    long, short = FakeWork("long", tokens=100_000), FakeWork("short")
    outcomes = carry_out(plan([long, short], means.root, SPEED), means, budget_s=60)

    assert (long.done, short.done) == ([], ["short"])
    assert outcomes[0].why == "left out: about 1008 s, 60 s of the budget are left"
    assert not outcomes[0].failed


def test_one_failure_stops_none_of_the_others(means: Means) -> None:
    """The error is kept with its run; the others are made."""
    broken, sound = FakeWork("broken", error=ModelError("no weights")), FakeWork("sound")
    told: list[Any] = []
    outcomes = carry_out(plan([broken, sound], means.root, SPEED), means, tell=told.append)

    assert sound.done == ["sound"]
    assert [(outcome.failed, outcome.why) for outcome in outcomes] == [(True, "no weights"), (False, None)]
    assert told == outcomes


def test_an_interruption_ends_the_study(means: Means) -> None:
    """Ctrl-C is no failure of one run: nothing behind it is started."""
    behind = FakeWork("behind")
    works = [FakeWork("stopped", error=Interrupted("stopped")), behind]

    with pytest.raises(Interrupted):
        carry_out(plan(works, means.root, SPEED), means)

    assert behind.done == []


def test_a_study_without_a_run_says_why(means: Means) -> None:
    """Nothing can be compared when everything failed."""
    outcomes = carry_out(plan([FakeWork("broken", error=ModelError("no weights"))], means.root, SPEED), means)

    with pytest.raises(RunError, match="no run could be made: no weights"):
        conclude(outcomes)


def test_an_unknown_machine_is_measured() -> None:
    """Without earlier runs the time follows from the machine's own products: more weights, more seconds."""
    from promptsci.study import estimate

    speed = Speed()
    small, large = (estimate.EFFICIENCY * speed._products / (2 * n) for n in (1e6, 1e8))

    assert small == pytest.approx(100 * large)
