"""Learning curves as one page: what they say, the figures, the numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

import promptsci
from promptsci.report.curves import cost_curve_plot, curve_plot
from promptsci.report.page.page import content_policy, environment, style_sheet
from promptsci.report.study import curve_lines
from promptsci.runs import write_atomically


def write_curve_page(path: Path, curve: dict[str, Any]) -> int:
    """The size in bytes of the page, which now stands at path.

    Args:
        path: of the HTML file; an older one is replaced.
        curve: learning curves as their ``to_json`` gives them.

    Raises:
        RunError: the page cannot be written.
    """
    html = curve_page(curve)
    write_atomically(path, html)
    return len(html.encode())


def curve_page(curve: dict[str, Any]) -> str:
    """The page of learning curves as HTML that needs nothing but itself."""
    style = style_sheet()
    points = {name: [SimpleNamespace(**point) for point in found] for name, found in curve["points"].items()}
    drawn = [curve_plot(curve), cost_curve_plot(curve)]
    return (
        environment()
        .get_template("curve.html.jinja")
        .render(
            curve=SimpleNamespace(**{**curve, "points": points}),
            version=promptsci.__version__,
            sentences=list(curve_lines(curve)),
            figures=[one.svg() for one in drawn if one],
            style=Markup(style),  # noqa: S704 - our own file
            policy=content_policy(style),
        )
    )
