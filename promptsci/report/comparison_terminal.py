"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from promptsci.report.comparison import Compared, headline, reading, sections, sources
from promptsci.report.console import console, section_parts, show
from promptsci.report.robustness import robustness_reading, robustness_section
from promptsci.report.section import Section


def show_comparison(compared: Compared, out: Console | None = None) -> None:
    """Prints a comparison."""
    out = out or console()
    show(out, Text(headline(compared), style="bold"))
    for section in sections(compared):
        show_section(section, out)
    show(out, *(Text(line, style="dim") for line in sources(compared)))
    show(out, *(Text(line, style="yellow" if line.startswith("Note") else "") for line in reading(compared)))


def show_section(section: Section, out: Console) -> None:
    """Prints one table with its title."""
    show(out, *section_parts(section))


def show_robustness(compared: Compared, out: Console | None = None) -> None:
    """Prints what a comparison says of perturbed rows, and nothing else of it."""
    out = out or console()
    show_section(robustness_section(compared), out)
    show(out, *map(Text, robustness_reading(compared["robustness"])))
