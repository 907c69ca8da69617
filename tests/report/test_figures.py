"""Claims about figures of a comparison: well-formed SVG whose marks stand where the numbers say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from promptsci.report.figures import interval_plot

SVG = "{http://www.w3.org/2000/svg}"


def drawn(comparison: Any) -> Any:
    """The figure's elements."""
    return ElementTree.fromstring(interval_plot(comparison).file())


def test_marks_stand_where_the_numbers_say(make_comparison: Any) -> None:
    """Ends of intervals and dots lie on the scale that the ticks draw; single runs are rings."""
    comparison = make_comparison()
    root = drawn(comparison)
    ticks = [text for text in root.findall(f"{SVG}text") if text.get("class") == "faint small middle"]
    at = {float(text.text): float(text.get("x")) for text in ticks}
    (low, x_low), *_, (high, x_high) = sorted(at.items())

    def x(value: float) -> float:
        return x_low + (100 * value - low) / (high - low) * (x_high - x_low)

    intervals = [line for line in root.findall(f"{SVG}line") if line.get("class").startswith("interval")]
    for method, line in zip(comparison.methods, intervals, strict=True):
        estimate = method.metrics["macro_f1"]
        assert float(line.get("x1")) == pytest.approx(x(estimate.low), abs=0.15)
        assert float(line.get("x2")) == pytest.approx(x(estimate.high), abs=0.15)
    rings = [circle for circle in root.findall(f"{SVG}circle") if circle.get("class").startswith("run")]
    assert len(rings) == 3
    assert low <= 15
    assert high >= 85


def test_it_can_be_heard_and_is_safe(make_comparison: Any) -> None:
    """The figure says in words what it shows, and names with signs do not break it."""
    comparison = make_comparison()
    named = replace(comparison.methods[0], name='a <b> & "c"')
    root = drawn(replace(comparison, methods=(named, *comparison.methods[1:])))

    assert root.get("aria-label") == "macro_f1 of each method with its 95 % interval"
    assert 'a <b> & "c"' in "".join(root.itertext())


def test_one_method_without_width_is_drawn(make_comparison: Any) -> None:
    """A single method whose interval is a point still has a scale."""
    method = make_comparison().methods[0]
    point = replace(method.metrics["macro_f1"], value=1.0, low=1.0, high=1.0)
    run = replace(method.runs[0], metrics={"macro_f1": 1.0})
    alone = replace(method, metrics={"macro_f1": point}, runs=(run,))
    root = drawn(make_comparison(methods=(alone,), differences=()))
    (line,) = (line for line in root.findall(f"{SVG}line") if line.get("class").startswith("interval"))

    assert len([line for line in root.findall(f"{SVG}line") if line.get("class") == "grid"]) >= 2
    assert line.get("x1") == line.get("x2")
