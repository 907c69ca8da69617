from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.errors import SpecError
from promptsci.study.curve import CurvePoint, crossings, read_sizes


def points(*values: tuple[int, float]) -> tuple[CurvePoint, ...]:
    """A curve through these sizes and values."""
    return tuple(CurvePoint(size, value, value, value, 1, 0.0) for size, value in values)


def test_curves_cross_where_straight_lines_in_the_logarithm_do() -> None:
    """From 0.3 to 0.7 against a level 0.5 the crossing is half way between log 10 and log 1,000: at 100."""
    found = crossings({"prompt": points((10, 0.5), (1000, 0.5)), "lora": points((10, 0.3), (1000, 0.7))})

    assert [(one.below, one.above, one.size, one.between) for one in found] == [("prompt", "lora", 100, (10, 1000))]


def test_the_last_crossing_counts() -> None:
    """Where curves cross more than once, the break-even point is the one after which the order stays."""
    zigzag = points((8, 0.2), (16, 0.6), (32, 0.4), (64, 0.8))
    (found,) = crossings({"level": points((8, 0.5), (16, 0.5), (32, 0.5), (64, 0.5)), "zigzag": zigzag})

    assert found.between == (32, 64)
    assert found.above == "zigzag"


def test_curves_that_touch_or_never_meet_have_no_crossing() -> None:
    """Equal scores at one size are no overtaking."""
    assert crossings({"a": points((8, 0.5), (16, 0.6)), "b": points((8, 0.5), (16, 0.7))}) == []
    assert crossings({"a": points((8, 0.5)), "b": points((16, 0.7))}) == []


@given(st.floats(0.01, 0.99), st.integers(2, 500), st.integers(2, 100))
def test_a_crossing_lies_between_the_sizes_that_were_measured(share: float, low: int, factor: int) -> None:
    """Whatever the values, the point is inside its bracket, at the share of the way that the gaps say."""
    high = low * factor
    (found,) = crossings({"a": points((low, 1.0), (high, 0.0)), "b": points((low, 1 - share), (high, 1 - share))})

    assert low <= found.size <= high
    assert found.size == round(math.exp(math.log(low) + share * math.log(factor)))


def test_sizes_are_read_rising_and_cut_at_the_train_split() -> None:
    """``all`` and sizes beyond it are the whole split, once."""
    assert read_sizes("512,8, 32,all", 180) == [8, 32, 180]


@pytest.mark.parametrize("text", ["8,many", "0,8", "8,,16", "-3"])
def test_a_size_that_is_no_number_of_rows_is_refused(text: str) -> None:
    """The message shows how sizes are written."""
    with pytest.raises(SpecError, match=r"is no number of rows\n  Write sizes=8,32,128,all\."):
        read_sizes(text, 180)
