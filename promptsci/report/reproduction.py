"""What came of running a stored run again: the verdict first, then what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import PLAIN, figure, metric_name

Outcome = Mapping[str, Any]
SHOWN = 20
"""Changed decisions that are printed; ``--json`` has all."""


def show_reproduction(outcome: Outcome) -> None:
    """Prints the outcome of ``reproduce``."""
    out = console()
    show(out, *(Text(line) for line in _lines(outcome)))
    for title, name in (("what it was made from has changed", "inputs"), ("versions have changed", "versions")):
        if outcome[name]:
            table = plain_table()
            for column in (title, "stored", "now"):
                table.add_column(column, overflow="fold")
            for key, pair in outcome[name].items():
                table.add_row(key, str(pair["stored"]), str(pair["now"]))
            show(out, table)
    decisions = outcome["difference"]["decisions"]
    if decisions:
        table = plain_table()
        for column in ("decided otherwise", "gold", "stored", "now"):
            table.add_column(column, overflow="fold")
        for row in decisions[:SHOWN]:
            table.add_row(row["id"], str(row["gold"]), str(row["stored"]), str(row["now"]))
        show(out, table)
        if len(decisions) > SHOWN:
            show(out, Text(f"and {len(decisions) - SHOWN} more; --json lists them all"))


def _lines(outcome: Outcome) -> Iterator[str]:
    difference, main = outcome["difference"], outcome["main"]
    if outcome["identical"]:
        yield f"Reproduced: predictions.jsonl is identical, byte for byte ({difference['rows']:,} rows)."
        return
    n_changed = len(difference["decisions"])
    verdict = (
        "no decision changed"
        if outcome["same_decisions"]
        else f"{n_changed:,} of {difference['rows']:,} decisions changed"
    )
    yield f"{'Reproduced' if outcome['same_decisions'] else 'Not reproduced'}: {verdict}."
    if difference["compared"]:
        yield (
            f"{difference['differing']:,} of {difference['compared']:,} log-likelihoods differ, by at most "
            f"{difference['max_nats']:.3g} nats."
        )
    if difference["retokenised"]:
        yield f"{difference['retokenised']:,} rows have other tokens, so their log-likelihoods cannot be compared."
    if difference["prompts"]:
        yield f"{difference['prompts']:,} rows have another prompt."
    for name, where in (("only_stored", "only in the stored run"), ("only_now", "only in the new one")):
        if difference[name]:
            yield f"{len(difference[name]):,} rows are {where}, such as {difference[name][0]}."
    if main["now"] is not None:
        name = main["name"]
        title = metric_name(name) + ("" if name in PLAIN else " %")
        yield f"{title} was {figure(main['stored'], name)} and is {figure(main['now'], name)}."
