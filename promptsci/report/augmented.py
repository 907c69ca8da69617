"""What became of made rows, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from promptsci.report.console import console, plain_table, show


def show_augmented(augmented: Mapping[str, Any]) -> None:
    """Prints how many rows each way made, and why others were dropped."""
    reasons = sorted({why for tally in augmented["tallies"].values() for why in tally} - {"kept"})
    table = plain_table()
    for title in ("way", "kept", *reasons):
        table.add_column(title, justify="left" if title == "way" else "right")
    for way, tally in augmented["tallies"].items():
        table.add_row(way, *(f"{tally.get(why, 0):,}" for why in ("kept", *reasons)))
    said = f"{augmented['rows']:,} rows were made of {augmented['parents']:,}: {augmented['out']}"
    show(console(), Text(said, style="bold"), table)
