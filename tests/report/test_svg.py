"""Scales, ticks and shapes of figures."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptsci.report.svg import Drawing, Scale, decade_ticks, from_zero_log, round_ticks

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))


@given(NUMBERS, NUMBERS)
def test_round_ticks_hold_all_values_and_stand_evenly(one: float, other: float) -> None:
    """Between the first and the last tick lie both ends; steps are equal; there are few."""
    low, high = min(one, other), max(one, other)
    ticks = round_ticks(low, high)
    steps = {round((b - a) / (ticks[1] - ticks[0]), 6) for a, b in itertools.pairwise(ticks)}
    slack = 1e-6 * max(1, abs(low), abs(high))

    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert steps == {1.0}
    assert 2 <= len(ticks) <= 8


@given(st.floats(0, 1e15), st.floats(0, 1e15))
@example(999999999999998.0, 1000.0000000000001)
def test_decade_ticks_hold_all_values(one: float, other: float) -> None:
    """From 0 or a power of ten at most the lowest to one at least the highest value, in at most eight steps."""
    low, high = min(one, other), max(one, other)
    ticks = decade_ticks(low, high)

    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert len(ticks) <= 8
    assert (ticks[0] == 0) == (low < 1)
    assert all(math.log10(tick).is_integer() for tick in ticks if tick)


def test_a_scale_is_linear_in_the_bent_value() -> None:
    """Ends stand at the ends; on a logarithm that knows 0, so does 0; equal ends stand in the middle."""
    assert [Scale(0, 2, 10, 30)(value) for value in (0, 1, 2)] == [10, 20, 30]
    assert Scale(0, 99, 0, 2, from_zero_log)(9) == pytest.approx(1)
    assert Scale(1, 1, 0, 10)(1) == 5


def test_text_from_data_stays_text() -> None:
    """A name full of markup, quotes and control characters becomes one text of a well-formed picture."""
    drawing = Drawing(10, 10, 'a "title" <b>\x00\ud800')
    drawing.text(0, 0, "</text><script>alert(1)</script>&\x0b\ufffe")
    tree = ElementTree.fromstring(drawing.svg())

    assert [node.tag for node in tree.iter()] == ["svg", "text"]
    assert tree[0].text == "</text><script>alert(1)</script>&\ufffd\ufffd"
    assert tree.get("aria-label") == 'a "title" <b>\ufffd\ufffd'
