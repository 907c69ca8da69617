"""The look back of a chain of tunings as one page: the matrix and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

import promptsci
from promptsci.report.forgetting import forgetting_lines, forgetting_section
from promptsci.report.page.page import content_policy, environment, style_sheet


def forgetting_page(found: Mapping[str, Any]) -> str:
    """The page of a look back as HTML that needs nothing but itself.

    Args:
        found: the look back as its ``to_json`` gives it.
    """
    style = style_sheet()
    return (
        environment()
        .get_template("forgetting.html.jinja")
        .render(
            title=" → ".join(column["task"] for column in found["columns"]),
            version=promptsci.__version__,
            section=forgetting_section(found),
            sentences=list(forgetting_lines(found)),
            style=Markup(style),  # noqa: S704 - our own file
            policy=content_policy(style),
        )
    )
