"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from promptsci.report.comparison import Compared, Section, headline, reading, sections, sources
from promptsci.report.console import console, plain_table, show


def show_comparison(compared: Compared, out: Console | None = None) -> None:
    """Prints a comparison."""
    out = out or console()
    show(out, Text(headline(compared), style="bold"))
    for section in sections(compared):
        _show_section(section, out)
    show(out, *(Text(line, style="dim") for line in sources(compared)))
    show(out, *(Text(line, style="yellow" if line.startswith("Note") else "") for line in reading(compared)))


def _show_section(section: Section, out: Console) -> None:
    table = plain_table()
    for title, align in section.columns.items():
        table.add_column(title, justify=align, overflow="fold")
    for cells, bold in zip(section.rows, section.bold, strict=True):
        table.add_row(*cells, style="bold" if bold else None)
    show(out, Text(section.title), table)
