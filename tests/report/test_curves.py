"""Learning curves as figures and as a page: marks stand where the numbers say, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from promptsci.report.curves import cost_curve_plot, curve_plot
from promptsci.report.page import curve_page, write_curve_page

SVG = "{http://www.w3.org/2000/svg}"


def point(size: int, value: float, training_s: float = 0.0) -> dict[str, Any]:
    """A point with a band of a tenth to either side."""
    return {
        "size": size,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "seeds": 3,
        "training_s": training_s,
    }


@pytest.fixture
def curve() -> dict[str, Any]:
    """Two methods that cross, one with a name that HTML must not read."""
    return {
        "task": "verdicts",
        "metric": "macro_f1",
        "points": {
            "8-shot": [point(10, 0.5), point(100, 0.5), point(1000, 0.5)],
            "lora <b>": [point(10, 0.3, 2.0), point(100, 0.5, 20.0), point(1000, 0.7, 200.0)],
        },
        "crossings": [{"below": "8-shot", "above": "lora <b>", "size": 100, "between": [10, 1000]}],
        "notes": ["lora on 5 rows: too few"],
    }


def test_dots_stand_on_the_scale_and_bands_around_them(curve: dict[str, Any]) -> None:
    """Sizes a tenfold apart are equally far apart; a higher score is higher; a band has two edges at each size."""
    root = ElementTree.fromstring(curve_plot(curve).file())
    dots = [(float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in root.findall(f"{SVG}circle")]
    bands = [band.get("points", "").split() for band in root.findall(f"{SVG}polygon")]

    across = [x for x, _ in dots[:3]]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.02)
    assert dots[3][1] > dots[4][1] > dots[5][1]
    assert dots[4] == pytest.approx(dots[1])
    assert [len(band) for band in bands] == [6, 6]


def test_the_cost_axis_needs_training(curve: dict[str, Any]) -> None:
    """Seconds of training make a second figure; where nothing was trained there is none."""
    assert cost_curve_plot(curve) is not None
    curve["points"].pop("lora <b>")
    assert cost_curve_plot(curve) is None


def test_a_figure_for_papers_has_plain_colours(curve: dict[str, Any]) -> None:
    """Programs that know neither variables nor ``light-dark`` draw the file as it is meant."""
    text = curve_plot(curve).file()

    assert "var(" not in text
    assert "light-dark" not in text
    assert "#0072b2" in text


def test_the_page_says_what_the_curves_say(curve: dict[str, Any], tmp_path: Path) -> None:
    """Break-even point, numbers, what is missing, both figures; names are text; nothing comes from elsewhere."""
    path = tmp_path / "curve.html"
    size = write_curve_page(path, curve)
    text = path.read_text(encoding="utf-8")

    assert size == path.stat().st_size
    assert text == curve_page(curve)
    assert "Below about 100 labelled rows 8-shot scores higher" in text
    assert "Missing: lora on 5 rows: too few" in text
    assert "70.0 [60.0, 80.0]" in text
    assert text.count("<svg") == 2
    assert "lora &lt;b&gt;" in text
    assert "lora <b>" not in text
    assert "http://" not in text
    assert "default-src &#39;none&#39;" in text
