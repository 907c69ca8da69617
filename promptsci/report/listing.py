"""Lists: a line a row. On a narrow terminal the columns that can be spared give way; in a pipe nothing is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table

from promptsci.report.console import LINE_WIDTH, console, fits, plain_table, show

Columns = Mapping[str, Literal["left", "right"]]


def show_list(
    columns: Columns, rows: Sequence[Sequence[str]], spare: Sequence[str] = (), out: Console | None = None
) -> None:
    """Prints rows under their columns.

    Args:
        columns: title -> how its cells are aligned.
        rows: cells in the order of the columns.
        spare: columns to leave out, the first first, as long as a terminal is too narrow for a line a row.
        out: where to print.
    """
    out = out or console(LINE_WIDTH)
    left_out: set[str] = set()
    for title in (*spare, None):
        table = _table(columns, rows, left_out)
        if fits(out, table) or title is None:
            show(out, table)
            return
        left_out.add(title)


def _table(columns: Columns, rows: Sequence[Sequence[str]], left_out: set[str]) -> Table:
    table = plain_table()
    kept = [place for place, title in enumerate(columns) if title not in left_out]
    titles = list(columns)
    for place in kept:
        table.add_column(titles[place], justify=columns[titles[place]], overflow="fold")
    for row in rows:
        table.add_row(*(row[place] for place in kept))
    return table
