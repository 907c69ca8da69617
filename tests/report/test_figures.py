"""Claims about figures: well-formed SVG whose marks stand where the numbers say."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from promptsci.report.figures import intervals_figure

SVG = "{http://www.w3.org/2000/svg}"


def _marks(compared: Any) -> tuple[Any, list[Any], list[Any], list[Any]]:
    root = ElementTree.fromstring(intervals_figure(compared))
    lines, circles = root.findall(f"{SVG}line"), root.findall(f"{SVG}circle")
    grid = [line for line in lines if line.get("class") == "grid"]
    intervals = [line for line in lines if line.get("class") is None]
    return root, grid, intervals, circles


def test_marks_stand_where_the_numbers_say(make_compared: Any) -> None:
    """Ends of intervals and dots lie on the scale that the ticks draw."""
    compared = make_compared()
    root, grid, intervals, circles = _marks(compared)
    labels = [text for text in root.findall(f"{SVG}text") if text.get("text-anchor") == "middle"]
    at = {float(text.text): float(text.get("x")) for text in labels}
    (low, x_low), *_, (high, x_high) = sorted(at.items())
    assert len(grid) == len(at)

    def x(value: float) -> float:
        return x_low + (100 * value - low) / (high - low) * (x_high - x_low)

    for method, line in zip(compared["methods"], intervals, strict=True):
        estimate = method["metrics"]["macro_f1"]
        assert float(line.get("x1")) == pytest.approx(x(estimate["low"]), abs=0.15)
        assert float(line.get("x2")) == pytest.approx(x(estimate["high"]), abs=0.15)
    rings = [circle for circle in circles if circle.get("class") == "runs"]
    assert len(rings) == 3
    assert len(circles) == 3 + 3
    assert low <= 15
    assert high >= 85


def test_it_can_be_heard_and_is_safe(make_compared: Any) -> None:
    """The figure says in words what it shows, and names with signs do not break it."""
    compared = make_compared()
    compared["methods"][0]["name"] = 'a <b> & "c"'
    root, *_ = _marks(compared)
    assert "8-shot 78.0 [73.0, 83.0]" in root.get("aria-label")
    assert 'a <b> & "c"' in "".join(root.itertext())


def test_one_method_without_width_is_drawn(make_compared: Any) -> None:
    """A single method whose interval is a point still has a scale."""
    method = make_compared()["methods"][0]
    method["metrics"]["macro_f1"] = {"value": 1.0, "low": 1.0, "high": 1.0}
    method["runs"][0]["metrics"]["macro_f1"] = 1.0
    _, grid, intervals, _ = _marks(make_compared(methods=[method], differences=[], tied=["lora"]))
    assert len(grid) >= 2
    assert intervals[0].get("x1") == intervals[0].get("x2")
