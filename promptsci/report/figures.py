"""Vector figures of a comparison: plain SVG, made by hand, legible in a paper and on a dark page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from promptsci.report.comparison import Compared, headline, p_value
from promptsci.report.terminal import interval, metric_name

ROW, TOP, WIDTH, CHARACTER = 26, 54, 760, 7.2
TICKS = (1, 2, 5, 10, 20, 25)
_STYLE = (
    "text{font:13px sans-serif;fill:currentColor}.small{font-size:11px}.b{font-weight:bold}"
    "line,circle{stroke:currentColor;fill:currentColor}.grid{stroke-opacity:.18}.runs{fill:none;stroke-opacity:.55}"
)


def intervals_figure(compared: Compared) -> str:
    """An SVG of each method's main metric with its interval, single runs as rings, best first; tied ones in bold."""
    methods, main = compared["methods"], compared["main"]
    longest = max(len(method["name"]) for method in methods)
    left, right = round(24 + CHARACTER * longest), WIDTH - 150
    ticks = _ticks(
        min(_edge(method, main, "low") for method in methods), max(_edge(method, main, "high") for method in methods)
    )

    def x(value: float) -> str:
        return f"{left + (right - left) * (100 * value - ticks[0]) / (ticks[-1] - ticks[0]):.1f}"

    height = TOP + ROW * len(methods) + 34
    bottom = TOP + ROW * len(methods)
    parts = [f'<text x="8" y="20" class="b">{escape(headline(compared))}</text>']
    parts.append(f'<text x="8" y="38" class="small">{escape(_legend(compared))}</text>')
    for tick in ticks:
        at = x(tick / 100)
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP - 6}" y2="{bottom}"/>')
        parts.append(f'<text class="small" x="{at}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    for number, method in enumerate(methods):
        parts += _row(method, main, TOP + ROW * number + ROW / 2, x, left)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(_spoken(compared))}">\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
    )


def _row(method: Mapping[str, Any], main: str, y: float, x: Any, left: int) -> list[str]:
    estimate = method["metrics"][main]
    weight = ' class="b"' if method["tied"] else ""
    low, high = x(estimate["low"]), x(estimate["high"])
    rings = [run["metrics"][main] for run in method["runs"]] if len(method["runs"]) > 1 else []
    return [
        f'<text{weight} x="{left - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(method["name"])}</text>',
        f'<line x1="{low}" x2="{high}" y1="{y:.1f}" y2="{y:.1f}" stroke-width="{2.5 if method["tied"] else 1.2}"/>',
        *(f'<circle class="runs" cx="{x(value)}" cy="{y:.1f}" r="3"/>' for value in rings),
        f'<circle cx="{x(estimate["value"])}" cy="{y:.1f}" r="{4.5 if method["tied"] else 3.5}"/>',
        f'<text{weight} x="{WIDTH - 8}" y="{y + 4:.1f}" text-anchor="end">{interval(estimate)}</text>',
    ]


def _edge(method: Mapping[str, Any], main: str, end: str) -> float:
    """The lowest or highest per cent that a row of the figure shows."""
    values = [100 * run["metrics"][main] for run in method["runs"]] + [100 * method["metrics"][main][end]]
    return float(min(values) if end == "low" else max(values))


def _ticks(low: float, high: float) -> list[float]:
    """Five to ten round values that hold low and high between them."""
    step = next((step for step in TICKS if (high - low) / step <= 8), TICKS[-1])
    first, last = int(low // step), int(-(-high // step))
    return [float(step * number) for number in range(first, max(last, first + 1) + 1)]


def _legend(compared: Compared) -> str:
    several = any(len(method["runs"]) > 1 for method in compared["methods"])
    runs = "; rings are single runs" if several else ""
    tied = "; bold: the best and what these rows cannot tell from it" if len(compared["tied"]) > 1 else ""
    return f"{metric_name(compared['main'])} %, 95 % intervals{runs}{tied}"


def _spoken(compared: Compared) -> str:
    """What the figure shows, for those who cannot see it."""
    main = compared["main"]
    shown = "; ".join(f"{method['name']} {interval(method['metrics'][main])}" for method in compared["methods"])
    tests = "; ".join(f"{found['a']} to {found['b']} p {p_value(found['p_holm'])}" for found in compared["differences"])
    return f"{headline(compared)}. {_legend(compared)}: {shown}. {tests}"
