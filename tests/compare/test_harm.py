from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from promptsci.compare.change import change
from promptsci.compare.harm import harm
from promptsci.runs import RunFolder


def folders(maker: Any, old: float, new: float, **how: Any) -> tuple[RunFolder, RunFolder]:
    """Runs of weights of two skills, the old one started first."""
    return RunFolder(maker.run("lora", old, **how)), RunFolder(maker.run("lora", new, **how))


def test_much_worse_weights_do_harm_and_better_ones_none(make_maker: Callable) -> None:
    """On 200 rows a fall of skill is shown as harm; a rise is not, nor are the same answers twice."""
    maker = make_maker(200)
    worse, better, same = (harm(*folders(maker, *skills, draw=5)) for skills in ((4.0, 0.5), (0.5, 4.0), (2.0, 2.0)))

    assert worse.shown
    assert worse.upper < 0
    assert not better.shown
    assert (same.change, same.upper, same.shown) == (0.0, 0.0, False)


def test_a_margin_forgives_as_much_as_it_says(make_maker: Callable) -> None:
    """Harm is shown for every margin below the upper end of the interval and for none above."""
    pair = folders(make_maker(200), 4.0, 0.5, draw=5)
    found = harm(*pair)

    assert harm(*pair, margin=-found.upper - 1e-6).shown
    assert not harm(*pair, margin=-found.upper + 1e-6).shown


def test_the_upper_end_is_that_of_a_slow_bootstrap(make_maker: Callable) -> None:
    """Resampling the rows one by one with scikit-learn's macro-F1 gives the same end within the noise of resampling."""
    old, new = folders(make_maker(200), 2.0, 1.0)
    found = harm(old, new)
    rows = [[(row["gold"], row["label"]) for row in one.rows()] for one in (old, new)]
    drawn, changes = np.random.default_rng(1), []
    for _ in range(600):
        picked = drawn.integers(0, 200, 200)
        before, after = (f1_score(*zip(*(one[row] for row in picked), strict=True), average="macro") for one in rows)
        changes.append(after - before)

    assert found.upper == pytest.approx(float(np.quantile(changes, 0.95)), abs=0.015)
    assert found.smallest == pytest.approx((1.645 + 0.842) * float(np.std(changes)), rel=0.15)


def test_chance_is_called_harm_as_seldom_as_alpha_says(make_maker: Callable) -> None:
    """Of pairs of equally good weights about one in twenty is called worse, and with a stricter level fewer."""
    maker = make_maker(120)
    pairs = [folders(maker, 1.5, 1.5) for _ in range(40)]
    shown = [harm(*pair).shown for pair in pairs]

    assert sum(shown) <= 6
    assert sum(harm(*pair, alpha=0.005).shown for pair in pairs) <= sum(shown)


def test_a_change_has_its_own_sign_whichever_run_was_started_first(maker: Any) -> None:
    """After minus before, also where the run of the old weights was made later."""
    new, old = folders(maker, 4.0, 0.5)

    assert change(old, new).value.value == -change(new, old).value.value > 0
