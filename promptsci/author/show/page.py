"""What show shows, as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

from pathlib import Path

import jinja2

from promptsci.author.show.prompts import Shown
from promptsci.author.show.terminal import part_name, visible

TEMPLATE = Path(__file__).with_name("page.html.jinja")


def html_page(shown: Shown) -> str:
    """The page, light or dark as the reader's screen is, and fit to print."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"part_name": part_name, "visible": visible}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(shown=shown, heading=shown.heading)
