"""Several results of one task: each in a line, then mean, spread and median."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import figure, heading, interval, leading, metric_name

Result = Mapping[str, Any]


def spread(results: Sequence[Result]) -> dict[str, Any]:
    """Mean, sample standard deviation, median, lowest and highest of each metric over the results."""
    names = list(results[0]["metrics"])
    values = {name: [result["metrics"][name]["value"] for result in results] for name in names}
    return {name: _summary(found) for name, found in values.items()}


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
    }


def show_spread(results: Sequence[Result], out: Console | None = None) -> None:
    """Prints several results of one task beside each other."""
    out = out or console()
    names = leading(results[0])
    table = plain_table()
    ordered = any(result.get("option_order") for result in results)
    for title in ("template", "seed", *(["options"] if ordered else [])):
        table.add_column(title)
    for name in names:
        table.add_column(f"{metric_name(name)} % [95 %]", justify="right")
    table.add_column("s", justify="right")
    for result in results:
        cells = [interval(result["metrics"][name], name) for name in names]
        order = [f"order {result['option_order']}" if result.get("option_order") else "as they stand"]
        asked = [result["template"] or "", str(result["seed"]), *(order if ordered else [])]
        table.add_row(*asked, *cells, f"{result['seconds']['score']:.1f}")
    table.add_section()
    summary = spread(results)
    for title, key in (("mean", "mean"), ("standard deviation", "sd"), ("median", "median")):
        table.add_row(title, "", *([""] if ordered else []), *(figure(summary[name][key], name) for name in names), "")
    shown = {name: ", ".join(dict.fromkeys(str(result[name] or "") for result in results)) for name in ("template",)}
    shown["seed"] = ", ".join(dict.fromkeys(str(result["seed"]) for result in results))
    show(out, heading({**results[0], **shown}), table)
    warnings = dict.fromkeys(warning for result in results for warning in result["warnings"])
    show(out, *(Text(f"Warning: {warning}", style="yellow") for warning in warnings))
    show(out, *(Text(f"Stored in {result['run_dir']}", style="dim") for result in results))
