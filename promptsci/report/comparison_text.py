"""A comparison as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from promptsci.report.comparison import (
    Compared,
    differences,
    headline,
    reading,
    sections,
    sources,
)
from promptsci.report.section import markdown, markdown_table
from promptsci.report.terminal import metric_name, percent

STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "†": r"\dag{}",
}  # fmt: skip


def as_markdown(compared: Compared) -> str:
    """The comparison as Markdown: a heading, the tables, and what they say."""
    parts = [f"### {headline(compared)}"]
    for section in sections(compared):
        parts.append(f"**{markdown(section.title)}**")
        parts.append(markdown_table(section))
    parts += [markdown(line) for line in (*sources(compared), *reading(compared))]
    return "\n\n".join(parts) + "\n"


def latex(text: str) -> str:
    """Text in which no sign means anything to LaTeX."""
    return "".join(_LATEX.get(character, character) for character in text)


def stars(p: float) -> str:
    """``***`` below 0.001, ``**`` below 0.01, ``*`` below 0.05, else nothing."""
    return next((mark for bound, mark in STARS if p < bound), "")


def as_latex(compared: Compared) -> str:
    """The comparison as a LaTeX table in the manner of booktabs; bold is tied with the best."""
    main, baseline = compared["main"], compared["baseline"]
    by_pair = differences(compared)
    lines = []
    for method in compared["methods"]:
        value = method["metrics"][main]
        score = percent(value["value"])
        cells = [
            latex(method["name"]),
            rf"\textbf{{{score}}}" if method["tied"] else score,
            f"[{percent(value['low'])}, {percent(value['high'])}]",
            _latex_difference(by_pair.get((method["name"], baseline))),
            str(len(method["runs"])),
        ]
        lines.append(" & ".join(cells) + r" \\")
    marked = [
        rf"{latex(row['method'])}$^\dagger$ & {percent(row['value'])} & & & \\"
        for row in compared["published"]
        if row["comparable"]
    ]
    metric = latex(metric_name(main))
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{table}",
            rf"\caption{{{_caption(compared)}}}",
            r"\begin{tabular}{lrlrr}",
            r"\toprule",
            rf"method & {metric} & 95\,\% interval & to {latex(baseline)} & runs \\",
            r"\midrule",
            *lines,
            *([r"\midrule", *marked] if marked else []),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _latex_difference(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "--"
    mark = stars(found["p_holm"])
    return f"${100 * found['value']['value']:+.1f}$" + (f"$^{{{mark}}}$" if mark else "")


def _caption(compared: Compared) -> str:
    what = f"{compared['task']}, {compared['split']}, {compared['n']:,} rows: {metric_name(compared['main'])} (%)."
    marks = ", ".join(f"$^{{{mark}}}p<{bound:g}$" for bound, mark in STARS)
    published = r"; $^\dagger$ as published" if any(row["comparable"] for row in compared["published"]) else ""
    return (
        f"{latex(what)} Bold: the best, and what these rows cannot tell from it. Differences in points; paired "
        f"randomisation test, after Holm: {marks}{published}."
    )


def as_csv(compared: Compared) -> str:
    """The comparison as CSV: a line a method, every number unrounded."""
    by_pair = differences(compared)
    lines = [_csv_line(compared, method, by_pair) for method in compared["methods"]]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _csv_line(
    compared: Compared, method: Mapping[str, Any], by_pair: Mapping[Any, Mapping[str, Any]]
) -> dict[str, Any]:
    line = {name: method[name] for name in ("rank", "name", "method", "model", "adapter", "rule", "tied")}
    line |= {"task": compared["task"], "split": compared["split"], "n": compared["n"], "runs": len(method["runs"])}
    for card in compared["metrics"]:
        estimate = method["metrics"][card["name"]]
        line |= {card["name"]: estimate["value"], **{f"{card['name']}_{end}": estimate[end] for end in ("low", "high")}}
    for role in ("best", "baseline"):
        found = by_pair.get((method["name"], compared[role]))
        line[role] = compared[role]
        for part in ("value", "low", "high"):
            line[f"to_{role}_{part}"] = found["value"][part] if found else None
        line |= {f"to_{role}_{part}": found[part] if found else None for part in ("p", "p_holm", "shown")}
    for name in ("ece", "brier"):
        line[name] = method["calibration"].get(name, {}).get("value")
    return {**line, **method["cost"]}
