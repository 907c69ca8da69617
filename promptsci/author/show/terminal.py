"""What show shows, in the terminal: every prompt with its parts marked and its tokens told apart."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.author.show.measure import Measure
from promptsci.author.show.parts import Part
from promptsci.author.show.prompts import Shown, ShownPrompt
from promptsci.report.console import console, plain_table, show

STYLES = {"instruction": "magenta", "shot": "blue", "answer": "green", "query": "yellow", "frame": "dim"}
BAR = 40
"""Columns of the longest bar of a histogram."""


def print_shown(shown: Shown, *, ids: bool, out: Console | None = None) -> None:
    """Prints the prompts, then what the whole split comes to.

    Args:
        shown: what to print.
        ids: whether each token's id stands behind it.
        out: where to print.
    """
    out = out or console()
    show(out, _heading(shown))
    for prompt in shown.prompts:
        show(out, Text(""), _title(prompt), _prompt_table(prompt, ids=ids), *_answers(prompt, ids=ids))
    if shown.measure is not None:
        show(out, Text(""), *_measured(shown.measure))
    for note in shown.notes:
        show(out, Text(note, style="yellow"))


def _heading(shown: Shown) -> Text:
    heading = shown.heading
    text = Text(heading["task"], style="bold")
    reader = f"as {heading['model']} reads it" if heading["model"] else "no tokenizer at hand"
    shots = (
        f"  {heading['shots']} shot{'s' if heading['shots'] > 1 else ''}, {heading['choose']}, seed {heading['seed']}"
        if heading["shots"]
        else ""
    )
    text.append(f"  template {heading['template']}  {heading['format']}, {reader}{shots}", style="not bold")
    return text


def _title(prompt: ShownPrompt) -> Text:
    text = Text(f"row {prompt.example.id}", style="bold")
    if prompt.n_tokens is not None:
        text.append(f"  {prompt.n_tokens:,} tokens with the longest answer", style="not bold")
    if prompt.shots:
        text.append(f"  shots {', '.join(prompt.shots)}", style="not bold")
    if not prompt.fits:
        text.append("  does not fit the context: a run refuses this row", style="bold red")
    elif prompt.n_dropped:
        text.append(f"  {prompt.n_dropped} shots left out: the context is full", style="red")
    return text


def _prompt_table(prompt: ShownPrompt, *, ids: bool) -> Table:
    """A row for each part: its name, and its text with every other token underlined."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    if prompt.start_ids:
        shown = Text("starts with token " if len(prompt.start_ids) == 1 else "starts with tokens ", style="dim")
        table.add_row("", "│", shown.append(", ".join(map(str, prompt.start_ids))))
    for number, part in enumerate(prompt.parts):
        text = Text()
        for piece in prompt.pieces:
            if piece.part == number:
                odd = piece.token is not None and piece.token % 2 == 1
                is_bare = part.role == "frame" and not part.text.strip()
                style = _style(part, underlined=odd)
                words = piece.text.rstrip("\n") if ids else piece.text
                text.append(visible(piece.text) if is_bare else words, style=style)
                if ids and not is_bare:
                    text.append("↵" * (len(piece.text) - len(words)), style="dim")
                if ids and piece.ids:
                    text.append(f"[{','.join(map(str, piece.ids))}]", style="dim")
                if not is_bare:
                    text.append(piece.text[len(words) :])
        table.add_row(part_name(part), "│", text)
    return table


def part_name(part: Part) -> str:
    """A part as a margin names it."""
    return "" if part.role == "frame" else f"{part.role} {part.number}" if part.number else part.role


def _style(part: Part, *, underlined: bool) -> str:
    return f"{STYLES[part.role]} underline" if underlined else STYLES[part.role]


def visible(blank: str) -> str:
    """White space as marks."""
    return blank.replace("\n", "↵").replace(" ", "␣").replace("\t", "⇥")


def _answers(prompt: ShownPrompt, *, ids: bool) -> Iterator[RenderableType]:
    """The answers to choose from, the right one marked, each as its tokens."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True, style="dim")
    for _ in range(3):
        table.add_column(overflow="fold")
    for place, answer in enumerate(prompt.answers):
        tokens = "|".join(answer.tokens) + (f"  {list(answer.ids)}" if ids else "")
        mark = "✓" if answer.is_gold else " "
        style = "bold green" if answer.is_gold else ""
        name = "answers" if place == 0 else ""
        table.add_row(name, mark, Text(f"{visible(answer.text[:1])}{answer.text[1:]}", style=style), Text(tokens))
    yield table


def _measured(measure: Measure) -> Iterator[RenderableType]:
    part = (
        f"{measure.rows:,} of {measure.of_rows:,} rows" if measure.rows < measure.of_rows else f"{measure.rows:,} rows"
    )
    yield Text(f"tokens of a prompt with its longest answer ({part})", style="bold")
    most = max(each.rows for each in measure.histogram)
    for each in measure.histogram:
        bar = "█" * round(BAR * each.rows / most) or ("▏" if each.rows else "")
        yield Text(f"{each.low:>7,} to {each.high:>6,}  {bar} {each.rows}")
    yield _fits(measure)
    if measure.cost is not None:
        shared, unshared = measure.cost.shared, measure.cost.unshared
        also = f", and at most {measure.cost.written:,} written" if measure.cost.written else ""
        yield Text(
            f"1,000 rows cost {shared:,} tokens with shared prefixes, {unshared:,} without ({unshared / shared:.0f} x; "
            f"reckoned from {measure.cost.rows:,} rows){also}"
        )


def _fits(measure: Measure) -> Table:
    context = f"rows over {measure.context:,}" if measure.context is not None else "context unknown"
    table = plain_table()
    for title in ("shots", "median", "longest", context):
        table.add_column(title, justify="right")
    for fit in measure.fits:
        if fit.why_not is not None:
            table.add_row(str(fit.shots), "", "", Text(fit.why_not, style="dim"))
        else:
            too_long = "" if fit.too_long is None else f"{fit.too_long:,}"
            table.add_row(str(fit.shots), f"{fit.median:,}", f"{fit.longest:,}", too_long)
    return table
