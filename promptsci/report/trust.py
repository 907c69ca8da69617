"""How far a Run's probabilities can be trusted, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import interval, percent

Trusted = Mapping[str, Any]


def show_trust(trusted: Trusted, out: Console | None = None) -> None:
    """Prints what a validation Run teaches of another."""
    show(out or console(), *_parts(trusted))


def _parts(trusted: Trusted) -> Iterator[RenderableType]:
    yield Text(f"{trusted['task']}  {trusted['method']}  {trusted['model']}  rule {trusted['rule']}", style="bold")
    yield Text(
        f"{trusted['split']}: {trusted['rows']:,} rows, {trusted['n']:,} labelled; learnt from "
        f"{trusted['n_validation']:,} labelled rows of {trusted['validation_split']}"
    )
    if trusted["before"]:
        yield Text(f"calibration, at temperature {trusted['temperature']:.3g} fitted on {trusted['validation_split']}")
        yield _sureness(trusted)
        yield Text("abstention: error of the surest decisions")
        yield _risk(trusted["risk"])
        yield Text(f"label sets that miss the right label in at most {percent(trusted['sets']['error'])} % of rows")
        yield _sets(trusted)
    else:
        yield Text(f"temperature {trusted['temperature']:.3g}; no row is labelled, so calibration cannot be judged")
    yield Text("how frequent each label is, %: counted, and corrected for the classifier's errors [95 %]")
    yield _prevalence(trusted)
    yield from (Text(f"Note: {note}.", style="yellow") for note in trusted["notes"])


def _sureness(trusted: Trusted) -> Table:
    table = _table("", "ECE %", "Brier", "negative log-likelihood, nats")
    for title, key in (("as scored", "before"), ("scaled", "after")):
        found = trusted[key]
        table.add_row(title, percent(found["ece"]), f"{found['brier']:.3f}", f"{found['nll']:.3f}")
    return table


def _risk(risk: Mapping[str, Any]) -> Table:
    errors = list(risk["coverage"])
    table = _table(
        "area (0 is best)", "best possible", *(f"kept at ≤{percent(float(error))} % error" for error in errors)
    )
    table.add_row(
        f"{risk['aurc']:.3f}", f"{risk['best']:.3f}", *(f"{percent(risk['coverage'][error])} %" for error in errors)
    )
    return table


def _sets(trusted: Trusted) -> Table:
    table = _table("sets", "coverage %", "labels a set", "one label %", "none %", "lowest label's coverage %")
    for title, key in (("over all rows", "sets"), ("for each label", "class_sets")):
        found = trusted[key]
        by_class = {label: share for label, share in found["class_coverage"].items() if share is not None}
        lowest = min(by_class, key=lambda label: by_class[label])
        table.add_row(
            title,
            percent(found["coverage"]),
            f"{found['mean_size']:.2f}",
            percent(found["single"]),
            percent(found["empty"]),
            f"{percent(by_class[lowest])} ({lowest})",
        )
    return table


def _prevalence(trusted: Trusted) -> Table:
    has_truth = any(found["true"] is not None for found in trusted["prevalence"].values())
    table = _table(
        "label", "counted", "if the same source", "if other shares of labels", *(["true"] if has_truth else [])
    )
    for label, found in trusted["prevalence"].items():
        truth = [percent(found["true"])] if has_truth else []
        table.add_row(label, percent(found["counted"]), interval(found["ppi"]), interval(found["inverted"]), *truth)
    return table


def _table(first: str, *others: str) -> Table:
    table = plain_table()
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right", overflow="fold")
    return table
