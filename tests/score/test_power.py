"""Claims about the smallest difference; simulation of McNemar's test is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.errors import DataError
from promptsci.score.power import smallest_difference


@settings(deadline=None, max_examples=60)
@given(st.integers(5, 100_000), st.floats(0.01, 1.0))
def test_solves_connors_equation(n: int, share: float) -> None:
    """The answer, put back into the formula for n, gives n; where p < d, with p = d."""
    d = smallest_difference(n, share)
    p = max(share, d)
    back = (1.959964 * np.sqrt(p) + 0.841621 * np.sqrt(p - d * d)) ** 2 / d**2
    assert back == pytest.approx(n, rel=1e-4)
    assert 0 < d <= 1


@pytest.mark.parametrize(("n", "share"), [(139, 0.2), (974, 0.2), (1349, 0.1), (5000, 0.4)])
def test_close_to_the_rule_of_thumb(n: int, share: float) -> None:
    """2.8 sqrt(p / n) is the same to a few per cent."""
    assert smallest_difference(n, share) == pytest.approx(2.8 * np.sqrt(share / n), rel=0.05)


@pytest.mark.parametrize(("n", "share"), [(200, 0.2), (1000, 0.1)])
def test_power_is_reached_in_simulation(n: int, share: float) -> None:
    """McNemar's test (asymptotic) shows a difference of that size in about 80 % of samples."""
    d = smallest_difference(n, share)
    better, worse = (share + d) / 2, (share - d) / 2
    counts = np.random.default_rng(0).multinomial(n, [better, worse, 1 - share], size=20_000)
    b, c = counts[:, 0], counts[:, 1]
    shown = (b - c) ** 2 > 1.959964**2 * np.maximum(b + c, 1)
    assert shown.mean() == pytest.approx(0.8, abs=0.03)


def test_falls_with_n_and_rises_with_discordance() -> None:
    """More rows show less; more disagreement hides more; three rows show nothing."""
    by_n = [smallest_difference(n) for n in (3, 5, 20, 100, 1000, 10_000)]
    assert by_n == sorted(by_n, reverse=True)
    assert by_n[0] == 1.0
    by_share = [smallest_difference(500, share) for share in (0.05, 0.1, 0.3, 0.9)]
    assert by_share == sorted(by_share)


@pytest.mark.parametrize(("n", "share"), [(0, 0.2), (10, 0.0), (10, 1.1)])
def test_impossible_inputs_are_errors(n: int, share: float) -> None:
    """No rows, or a share that is none, is an error."""
    with pytest.raises(DataError):
        smallest_difference(n, share)
