"""Explanations as a page that needs nothing but itself, in the look of the comparison's page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

import promptsci
from promptsci.report.explanation import (
    HOW,
    closing,
    faithfulness_line,
    heading,
    headline,
    map_title,
    segments,
    strongest,
    strongest_first,
)
from promptsci.report.page.page import content_policy, environment, own_file, style_sheet
from promptsci.runs import write_atomically

STEPS = 9
"""Steps of colour of a word."""


def write_explanation(path: Path, result: Mapping[str, Any]) -> int:
    """The size in bytes of the page, which now stands at path.

    Raises:
        RunError: it cannot be written.
    """
    html = explanation_page(result)
    write_atomically(path, html)
    return len(html.encode())


def explanation_page(result: Mapping[str, Any]) -> str:
    """The page of what ``explain`` found."""
    style = style_sheet() + own_file("explanation.css")
    made = environment()
    made.globals.update(segments=segments, shade=shade, heading=heading, how=HOW)
    made.globals.update(strongest=strongest, strongest_first=strongest_first)
    return made.get_template("explanation.html.jinja").render(
        result=result,
        version=promptsci.__version__,
        headline=headline(result),
        closing=list(closing(result)),
        faithfulness=faithfulness_line(result["faithfulness"]) if result["faithfulness"] else None,
        map_title=map_title(result["shot_map"]) if result["shot_map"] is not None else None,
        style=Markup(style),  # noqa: S704 - our own file
        policy=content_policy(style, ""),
    )


def shade(change: float | None, most: float) -> str:
    """The classes of a word: which way it speaks and how loud, in steps of the row's loudest."""
    if change is None or not change:
        return "silent"
    step = min(STEPS, round(STEPS * abs(change) / most))
    return f"{'for' if change > 0 else 'against'} s{step}" if step else "silent"
