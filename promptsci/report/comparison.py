"""A comparison as tables of text, the same for terminal and Markdown: scores, further measures, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptsci.report.robustness import robustness_reading, robustness_section
from promptsci.report.said import said_of_smallest, said_of_ties
from promptsci.report.section import Align, Section
from promptsci.report.terminal import interval, metric_name, percent

Compared = Mapping[str, Any]
"""A comparison as its ``to_json`` gives it."""

SIGNED = "+.1f"


def headline(compared: Compared) -> str:
    """What was compared, in one line."""
    rows = "" if compared["rows"] == "all" else f"{compared['rows']} "
    seen = f", {compared['seen']} of all rows seen in train" if compared["seen"] else ""
    return f"{compared['task']}  {compared['split']}: {compared['n']:,} {rows}rows{seen}"


def sections(compared: Compared) -> list[Section]:
    """The tables of a comparison."""
    found = [_scores(compared), _further(compared), _costs(compared)]
    return [*found, robustness_section(compared)] if compared.get("robustness") else found


def differences(compared: Compared) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The differences by the names of their two methods."""
    return {(found["a"], found["b"]): found for found in compared["differences"]}


def points(estimate: Mapping[str, float]) -> str:
    """A difference in points of a hundred, with its interval."""
    value, low, high = (format(100 * estimate[part], SIGNED) for part in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def p_value(p: float, smallest: float = 1e-4) -> str:
    """A p as it is printed: three decimals, or two significant digits below 0.001."""
    if p <= smallest:
        return f"≤{smallest:g}"
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"


def _scores(compared: Compared) -> Section:
    main, best, baseline = compared["main"], compared["best"], compared["baseline"]
    by_pair = differences(compared)
    columns: dict[str, Align] = {
        "": "right",
        "method": "left",
        f"{metric_name(main)} % [95 %]": "right",
        "runs: median, range": "right",
        "to the best": "right",
        "p": "right",
    }
    if baseline != best:
        columns |= {f"to {baseline}": "right", "p ": "right"}
    rows = []
    for method in compared["methods"]:
        cells = [_rank(method, compared), method["name"], interval(method["metrics"][main]), spread_of(method, main)]
        for other in dict.fromkeys([best, baseline]):
            cells += _difference_cells(by_pair.get((method["name"], other)))
        rows.append(cells)
    for figure in compared["published"]:
        rows.append(_published(figure, len(columns)))
    bold = [method["tied"] for method in compared["methods"]] + [False] * len(compared["published"])
    return Section("p by paired randomisation, after Holm", columns, rows, bold)


def _rank(method: Mapping[str, Any], compared: Compared) -> str:
    several = len(compared["tied"]) > 1
    return f"{'=' if several else ''}1" if method["tied"] else str(method["rank"])


def spread_of(method: Mapping[str, Any], metric: str) -> str:
    """``3: 38.8, 30.1-41.0``: runs, their median and range; the bare number where there is one run."""
    spread = method["spread"].get(metric)
    runs = len(method["runs"])
    if spread is None:
        return str(runs)
    return f"{runs}: {percent(spread['median'])}, {percent(spread['low'])}–{percent(spread['high'])}"


def _difference_cells(found: Mapping[str, Any] | None) -> list[str]:
    return ["", ""] if found is None else [points(found["value"]), p_value(found["p_holm"])]


def _published(figure: Mapping[str, Any], width: int) -> list[str]:
    value = percent(figure["value"])
    shown = f"{value}" if figure["comparable"] else f"{value} ({metric_name(figure['metric'])})"
    cells = ["†", figure["method"], shown, "published"]
    return cells + [""] * (width - len(cells))


def _further(compared: Compared) -> Section:
    """Other metrics, McNemar's test, seen and unseen rows, calibration."""
    main, best = compared["main"], compared["best"]
    others = [card["name"] for card in compared["metrics"] if card["name"] != main]
    shown = ["accuracy"] if "accuracy" in others else others[:1]
    by_pair = differences(compared)
    columns: dict[str, Align] = {"method": "left"}
    for name in shown:
        columns[f"{metric_name(name)} % [95 %]"] = "right"
    exact = any(found["mcnemar"] for found in compared["differences"])
    apart = any(method["unseen"] for method in compared["methods"])
    columns |= {"McNemar p to the best": "right"} if exact else {}
    columns |= {"unseen": "right", "seen": "right"} if apart else {}
    columns |= {"ECE": "right", "Brier": "right"}
    rows = []
    for method in compared["methods"]:
        cells = [method["name"], *(interval(method["metrics"][name]) for name in shown)]
        if exact:
            found = by_pair.get((method["name"], best))
            cells.append(p_value(found["mcnemar"]["p_holm"], 0.0) if found and found["mcnemar"] else "")
        if apart:
            cells += [interval(method[group]["metrics"][main]) if method[group] else "" for group in ("unseen", "seen")]
        calibration = method["calibration"]
        cells += (
            [percent(calibration["ece"]["value"]), f"{calibration['brier']['value']:.3f}"] if calibration else ["", ""]
        )
        rows.append(cells)
    title = "further measures" + (f"; {metric_name(main)} % of unseen and seen rows apart" if apart else "")
    return Section(title, columns, rows, [method["tied"] for method in compared["methods"]])


def _percent_of(estimates: Mapping[str, Any], name: str) -> str:
    return percent(estimates[name]["value"]) if name in estimates else ""


def _decimals_of(estimates: Mapping[str, Any], name: str) -> str:
    return f"{estimates[name]['value']:.3f}" if name in estimates else ""


def _costs(compared: Compared) -> Section:
    columns: dict[str, Align] = {
        "method": "left",
        "labels": "right",
        "trained parameters": "right",
        "training": "right",
        "adapter": "right",
        "s / 1,000 rows": "right",
        "tokens / 1,000 rows": "right",
        "memory": "right",
    }
    rows = [[method["name"], *cost_cells(method["cost"])] for method in compared["methods"]]
    return Section("cost, a run on average", columns, rows, [method["tied"] for method in compared["methods"]])


def cost_cells(cost: Mapping[str, Any]) -> list[str]:
    """A method's cost: labels, trained parameters, training, adapter, seconds, tokens, memory; ? is not known."""
    return [
        _known(cost["labels"], "{:,}"),
        _known(cost["trainable_parameters"], "{:,}"),
        _known(cost["training_s"], "{:,.0f} s"),
        _size(cost["adapter_bytes"]),
        _known(cost["seconds_per_1000"], "{:,.1f}"),
        _known(cost["tokens_per_1000"], "{:,.0f}"),
        _size(cost["peak_memory_bytes"]),
    ]


def _known(value: float | None, form: str) -> str:
    return "?" if value is None else form.format(value) if value else "0"


def _size(n_bytes: int | None) -> str:
    return _known(None if n_bytes is None else n_bytes / 1e6, "{:,.0f} MB")


def reading(compared: Compared) -> list[str]:
    """What the tables say, in sentences, and what a reader must know."""
    best = compared["best"]
    tied = [name for name in compared["tied"] if name != best]
    lines = []
    if len(compared["methods"]) == 1:
        lines.append("One method only: nothing to compare it with.")
    else:
        lines.append(said_of_ties(best, tied, len(compared["methods"]), compared["level"]))
    smallest = [found["smallest"] for found in compared["differences"] if found["b"] == best]
    if smallest:
        lines.append(said_of_smallest(smallest, compared["main"], compared["n"]))
    pairings = {found["pairing"] for found in compared["differences"]} - {"one run each"}
    if pairings:
        lines.append(
            f"Methods of several runs count by their mean; runs are paired {' or '.join(sorted(pairings))}, "
            "and intervals cover rows and runs."
        )
    lines += robustness_reading(compared["robustness"]) if compared.get("robustness") else []
    return lines + [f"Note: {note}." for note in compared["notes"]]


def sources(compared: Compared) -> list[str]:
    """Where published figures come from, one line each."""
    return [
        f"† {figure['method']}: {figure['source']}" + (f"; {figure['note']}" if figure["note"] else "")
        for figure in compared["published"]
    ]
