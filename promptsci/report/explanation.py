"""Explanations in the terminal: the text with what speaks for and against the label, shots, and the check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import percent

Result = Mapping[str, Any]
Row = Mapping[str, Any]
HOW = {"removed": "taken out", "hidden": "hidden (approximate)", "not asked": "not asked"}
SHORT = 70


def show_explanation(result: Result, out: Console | None = None) -> None:
    """Prints explanations of rows, and the map of shots where it was asked for."""
    out = out or console()
    show(out, Text(headline(result), style="bold"))
    for row in result["rows"]:
        show(out, *_row(row))
    if result["shot_map"] is not None:
        show(out, Text(map_title(result["shot_map"])), _map_table(result["shot_map"]))
    show(out, *(Text(line, style="dim") for line in closing(result)))
    show(out, *(Text(f"Note: {note}", style="yellow") for note in result["warnings"]))


def headline(result: Result) -> str:
    """What was explained."""
    adapter = f" with {result['adapter']['name']}" if result["adapter"] else ""
    return f"{result['task']}, {result['method']} of {result['model']}{adapter}, decided by the rule {result['rule']}"


def closing(result: Result) -> Iterator[str]:
    """Yields what the numbers mean, how faithful they are, and what they cost."""
    yield "A number is how much the log-odds of the label fall, in nats, without the words or the shot."
    if result["faithfulness"]:
        yield faithfulness_line(result["faithfulness"])
        tokens = result["tokens"]
        yield (
            f"{tokens['computed']:,} tokens computed, {tokens['ratio']:.2f} x those of scoring each row and its shots "
            f"once (at most {tokens['highest_ratio']:.2f} x)"
        )


def faithfulness_line(found: Mapping[str, Any]) -> str:
    """In how many rows the named words are the ones, as a sentence."""
    reached = "reached" if found["share"] >= found["bar"] else "NOT REACHED"
    unasked = f"; {found['unasked']} could not be asked and count as no" if found["unasked"] else ""
    return (
        f"Taking the named words away moves the log-odds more than taking random words in {found['holds']} of "
        f"{found['n']} rows: {percent(found['share'])} % [{percent(found['low'])}, {percent(found['high'])}] "
        f"(bar {percent(found['bar'])} %: {reached}{unasked})"
    )


def finest(row: Row) -> list[dict[str, Any]]:
    """The words of a row by place: single ones where they were asked for, phrases elsewhere."""
    return [part for word in row["words"] for part in word["parts"] or [word]]


def segments(row: Row, field: str) -> Iterator[tuple[str, float | None]]:
    """Yields the text of a field in pieces, each with its change; None for what was not taken away."""
    text, at = str(row["fields"][field]), 0
    for word in finest(row):
        if word["field"] != field:
            continue
        if word["start"] > at:
            yield text[at : word["start"]], None
        yield text[word["start"] : word["stop"]], word["change"]
        at = word["stop"]
    if at < len(text):
        yield text[at:], None


def strongest(row: Row) -> float:
    """The largest change of a word of the row, whatever its sign; 1 where there is none."""
    return max((abs(word["change"]) for word in finest(row)), default=0.0) or 1.0


def heading(row: Row) -> str:
    """What a row was decided, and what it should be."""
    gold = f", right answer {row['gold']}" if row["gold"] is not None else ""
    other = f" (decided: {row['decided']})" if row["decided"] != row["choice"] else ""
    share = percent(row["probabilities"][row["choice"]])
    return f"{row['id']}: {row['choice']} {share} %, log-odds {row['log_odds']:+.2f}{other}{gold}"


def _row(row: Row) -> Iterator[RenderableType]:
    yield Text("")
    yield Text(heading(row), style="bold")
    for field, value in row["fields"].items():
        if isinstance(value, str):
            yield _coloured(row, field)
    if row["named"]:
        named = ", ".join(f"{word['text']} {word['change']:+.2f}" for word in row["named"])
        yield Text(f"words: {named}")
    check = row["faithful"]
    if check:
        draws = " ".join(f"{change:+.2f}" for change in check["random"])
        verdict = "yes" if check["holds"] else "no"
        yield Text(f"without them {check['named']:+.2f}; without as many random words {draws}: {verdict}", style="dim")
    if row["shots"]:
        yield _shots_table(row["shots"])
    if row["gradients"]:
        most = sorted(row["gradients"], key=lambda one: -abs(one["value"]))[:8]
        said = ", ".join(f"{one['text']} {one['value']:+.2f}" for one in most)
        yield Text(f"integrated gradients: {said}")
    for note in row["notes"]:
        yield Text(f"Note: {note}", style="yellow")


def _coloured(row: Row, field: str) -> Text:
    """The field's text: blue speaks for the label, red against; what moves little is plain."""
    most, found = strongest(row), Text()
    for text, change in segments(row, field):
        weight = 0.0 if change is None else change / most
        style = "" if abs(weight) < 0.25 else ("blue" if weight > 0 else "red") + (" bold" if abs(weight) > 0.6 else "")
        found.append(text, style=style or None)
    return found


def _shots_table(shots: Sequence[Row]) -> Table:
    table = plain_table()
    for title in ("shot", "label", "change", "how", "text"):
        table.add_column(title, justify="right" if title == "change" else "left", no_wrap=title != "text")
    for shot in strongest_first(shots):
        change = "" if shot["change"] is None else f"{shot['change']:+.2f}"
        table.add_row(shot["id"], str(shot["gold"]), change, HOW[shot["how"]], short(shot["text"]))
    return table


def strongest_first(shots: Sequence[Row]) -> list[Row]:
    """Shots by how much they change, whatever the direction."""
    return sorted(shots, key=lambda one: -abs(one["change"] or 0.0))


def short(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"


def map_title(found: Sequence[Row]) -> str:
    """What a map of shots shows."""
    rows = max((one["n"] for one in found), default=0)
    return f"Shots over {rows:,} rows: how much the log-odds of the right answer fall without each"


def _map_table(found: Sequence[Row]) -> Table:
    table = plain_table()
    for title in ("shot", "label", "change", "95 %", "helped", "mended", "broken", "verdict", "text"):
        left = title in ("shot", "label", "verdict", "text")
        table.add_column(title, justify="left" if left else "right", no_wrap=title != "text")
    for one in found:
        bounds = f"[{one['low']:+.2f}, {one['high']:+.2f}]"
        cells = (f"{one['change']:+.2f}", bounds, percent(one["helped"]), str(one["mended"]), str(one["broken"]))
        table.add_row(one["id"], str(one["gold"]), *cells, one["verdict"], short(one["text"]))
    return table
