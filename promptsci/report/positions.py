"""Where answers stand when the options of each row are put in several orders, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import percent


def show_positions(found: Mapping[str, Any], out: Console | None = None) -> None:
    """Prints what `position_bias` found."""
    table = plain_table(f"position, % of {found['n']} rows in {found['orders']} orders")
    for title in ("position", "answered", "right there", "accuracy there"):
        table.add_column(title, justify="left" if title == "position" else "right")
    for letter, shares in found["positions"].items():
        accuracy = "" if shares["accuracy"] is None else percent(shares["accuracy"])
        table.add_row(letter, percent(shares["answered"]), percent(shares["right"]), accuracy)
    said = (
        f"the same option is answered in every order in {percent(found['same_option'])} % of the rows, "
        f"the right one in {percent(found['always_right'])} %"
    )
    show(out or console(), table, Text(said))
