"""The console that results are printed on: text as it stands, as wide as the terminal, and a fixed width in a pipe."""

from __future__ import annotations

import os
import sys

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.report.section import Section

PIPE_WIDTH = 120
"""Columns where standard output is no terminal and COLUMNS does not say how wide it is."""
LINE_WIDTH = 10_000
"""For lists in a pipe: a line a row, however long, as grep and cut want it."""


class ResultConsole(Console):
    """A console that leaves a reader who went away (``| head``) to the caller."""

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError; rich itself would exit with 1."""
        raise BrokenPipeError


def console(pipe_width: int = PIPE_WIDTH) -> Console:
    """The console on standard output. Square brackets and colons in labels and paths are text, never markup."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else pipe_width
    return ResultConsole(highlight=False, markup=False, emoji=False, width=width)


def plain_table(title: str | None = None) -> Table:
    """An empty table in the one style of all reports."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")


def section_parts(section: Section) -> tuple[Text, Table]:
    """The title of a section and its table."""
    table = plain_table()
    for title, align in section.columns.items():
        table.add_column(title, justify=align, overflow="fold")
    for cells, bold in zip(section.rows, section.bold, strict=True):
        table.add_row(*cells, style="bold" if bold else None)
    return Text(section.title), table


def show(out: Console, *parts: RenderableType) -> None:
    """Prints each part; lines of text are not broken, so that paths can be copied."""
    for part in parts:
        out.print(part, soft_wrap=isinstance(part, Text))


def fits(out: Console, table: Table) -> bool:
    """Whether the table stands on the console with nothing cut or wrapped."""
    wide = out.options.update(width=LINE_WIDTH, max_width=LINE_WIDTH)
    return out.measure(table, options=wide).maximum <= out.width
