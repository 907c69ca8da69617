"""What authors of tasks and templates read: guesses with their evidence, and how tests came out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from promptsci.report.console import console, plain_table, show

_MARKS = {"passed": "green", "written": "yellow", "removed": "yellow"}


def show_outcomes(outcomes: Sequence[Mapping[str, str]]) -> None:
    """Prints each test that needs a look, with its diff, and then how many came out how."""
    out = console()
    for outcome in outcomes:
        if outcome["state"] == "passed":
            continue
        where = outcome["where"].removeprefix(f"{Path.cwd()}{os.sep}")
        head = Text(f"{where}: ").append(outcome["state"], style=_MARKS.get(outcome["state"], "red"))
        head.append(f" ({outcome['task']}, {outcome['template']}, {outcome['what']})" if outcome["template"] else "")
        show(out, head, *(_diff_line(line) for line in outcome["details"].splitlines()))
    counts = Counter(outcome["state"] for outcome in outcomes)
    wordings = len({(outcome["task"], outcome["template"]) for outcome in outcomes if outcome["template"]})
    said = ", ".join(f"{number} {state}" for state, number in counts.items()) or "nothing to test"
    show(out, Text(f"{wordings} wording{'' if wordings == 1 else 's'}: {said}"))


def _diff_line(line: str) -> Text:
    style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1])
    return Text(f"  {line}", style=style or "")


def show_guesses(guesses: Sequence[tuple[str, str, str]]) -> None:
    """Prints (part, value, evidence) of each guess."""
    table = plain_table("guessed from the rows")
    table.add_column("part", no_wrap=True)
    table.add_column("guess", overflow="fold")
    table.add_column("because", overflow="fold", style="dim")
    for guess in guesses:
        table.add_row(*guess)
    show(console(), table)


def show_written(files: Sequence[Any], next_commands: Sequence[str], notes: Sequence[str] = ()) -> None:
    """Prints what was written, what could not be carried over, and what to type next."""
    lines = [Text(f"wrote {file}") for file in files]
    said = [Text(f"Note: {note}", style="yellow") for note in notes]
    follow = [Text(f"  {command}", style="bold") for command in next_commands]
    show(console(), *lines, *said, Text("Next:"), *follow)
