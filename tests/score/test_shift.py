"""Claims about drift; simulation is the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from promptsci.score.shift import LEVEL, Texts, shift

WORDS = [f"w{i}" for i in range(200)]


def texts(rng: Any, n: int, *, favoured: int = 0, length: float = 20.0) -> list[str]:
    """Random texts; the favoured words come up as often again as all others."""
    found = []
    for _ in range(n):
        size = max(3, int(rng.poisson(length)))
        usual = rng.choice(WORDS, size=size)
        found.append(
            " ".join(usual if not favoured else [*usual[: size // 2], *rng.choice(WORDS[:favoured], size // 2)])
        )
    return found


def looks(found: Any) -> dict[str, Any]:
    """The looks by name."""
    return {look.name: look for look in found.looks}


def test_rows_of_one_source_are_called_drift_no_oftener_than_the_level() -> None:
    """Of 40 samples of the same source, the share with any look below the level after Holm is about the level."""
    rng = np.random.default_rng(0)
    seen = 0
    for seed in range(40):
        calls = tuple(rng.multinomial(n, [0.5, 0.3, 0.2, 0.0]) for n in (300, 80))
        seen += shift(calls, Texts(texts(rng, 60), texts(rng, 80), texts(rng, 60)), seed=seed).is_seen

    assert seen / 40 <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / 40)


def test_each_look_sees_its_own_drift() -> None:
    """Longer texts show in length, favoured words in the classifier, other words as new ones, other calls in calls."""
    rng = np.random.default_rng(1)
    train, held_out = texts(rng, 150), texts(rng, 150)
    same = np.array([100, 100, 0])
    longer = looks(shift((same, same), Texts(texts(rng, 150, length=40.0), train, held_out)))
    favoured = looks(shift((same, same), Texts(texts(rng, 150, favoured=10), train, held_out)))
    unheard = looks(shift((same, same), Texts([f"{t} unheard-of" for t in texts(rng, 150)], train, held_out)))
    called = looks(shift((np.array([180, 20, 0]), same), Texts(texts(rng, 150), train, held_out)))

    assert longer["length"].p_holm < 1e-6
    assert (longer["length"].new, longer["length"].known) == (pytest.approx(40, abs=3), pytest.approx(20, abs=3))
    assert favoured["classifier"].p_holm < 1e-6
    assert favoured["classifier"].effect > 0.8
    assert len(set(favoured["classifier"].words) & set(WORDS[:10])) >= 6
    assert unheard["new words"].p_holm < 1e-6
    assert called["calls"].effect == pytest.approx(0.4)
    assert called["calls"].p_holm < 1e-6
    assert called["classifier"].p_holm > LEVEL


def test_the_test_of_calls_is_pearsons_and_a_permutation_where_cells_are_small() -> None:
    """With large cells the p-value is scipy's; with small ones it agrees with an exhaustive draw within its error."""
    known, few = np.array([40, 60, 0]), np.array([3, 0, 0])
    none = Texts([], [], [])
    large = looks(shift((np.array([70, 30, 0]), known), none))["calls"].p
    small = looks(shift((few, np.array([1, 2, 0])), none))["calls"].p

    assert large == pytest.approx(chi2_contingency([[70, 30], [40, 60]], correction=False).pvalue)
    # Four a and two b dealt into halves: all three of the first are a in 4 of 20 deals, all of the second as often.
    assert small == pytest.approx(0.4, abs=0.03)


def test_what_cannot_be_looked_at_is_said() -> None:
    """Without decisions on labelled rows, with few texts, or with texts without a word, looks are left out with why."""
    few = shift(None, Texts(["a b"], ["c"], []))
    blank = shift(None, Texts([f"{i}" * 3 for i in range(30)], ["x"] * 5, []))

    assert set(few.skipped) == {"calls", "length", "new words", "classifier"}
    assert few.looks == ()
    assert not few.is_seen
    assert "fewer than 20" in blank.skipped["length"]


def test_repeats_teach_the_classifier_nothing() -> None:
    """A hundred copies of one text on each side are two texts: too few to tell anything by."""
    assert "classifier" in shift(None, Texts(["one text"] * 100, ["another text"] * 100, [])).skipped
