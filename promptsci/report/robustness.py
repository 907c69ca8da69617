"""Clean and perturbed runs: a table of what is lost, and whether the ranking of methods survives, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptsci.report.section import Align, Section
from promptsci.report.terminal import PLAIN, figure, interval, metric_name, percent

Robustness = Mapping[str, Any]


def robustness_section(compared: Mapping[str, Any]) -> Section:
    """The table of a comparison's robustness: clean, each perturbation, the worst case."""
    found, main = compared["robustness"], compared["main"]
    kinds = found["perturbations"]
    columns: dict[str, Align] = {"method": "left", "clean [95 %]": "right", **dict.fromkeys(kinds, "right")}
    columns |= {"worst case": "right", "always right %": "right"}
    rows = []
    for method in found["methods"]:
        perturbed = [method["perturbed"].get(kind) for kind in kinds]
        cells = [method["name"], interval(method["clean"], main)]
        cells += [figure(one["value"], main) if one else "" for one in perturbed]
        worst = f"{figure(method['worst_value'], main)} ({method['worst'] or 'clean'})"
        rows.append([*cells, worst, "" if method["always"] is None else percent(method["always"])])
    unit = "" if main in PLAIN else " %"
    title = f"the same rows perturbed: {metric_name(main)}{unit}"
    return Section(title, columns, rows, [False] * len(rows))


def robustness_reading(found: Robustness) -> list[str]:
    """What the table says of the ranking of methods; nothing where there is one method."""
    if found["survives"] is None:
        return []
    first, *_ = found["rankings"]["clean"]
    kinds = ", ".join(kind for kind in found["rankings"] if kind != "clean")
    if found["survives"]:
        return [f"The ranking of methods survives {kinds}."]
    changed = {kind: order for kind, order in found["rankings"].items() if order != found["rankings"]["clean"]}
    said = "; ".join(f"{kind}: {' > '.join(order)}, tau {found['tau'][kind]:+.2f}" for kind, order in changed.items())
    best = f"{first} stays the best" if found["best_survives"] else f"{first} does not stay the best"
    return [f"The ranking of methods does NOT survive ({said}); {best}."]
