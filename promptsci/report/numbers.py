"""Numbers as they are printed: scores in per cent, quantities, counts, times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptsci.report.terminal import percent

if TYPE_CHECKING:
    from promptsci.score import Estimate

MINUS = "−"
IN_UNITS = ("mae", "mse", "rmse")
"""Metrics in the units of the data, which are not printed in per cent."""
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def score(value: float, metric: str, *, signed: bool = False, short: bool = False) -> str:
    """A metric's value as it is printed, with a true minus; short leaves out needless decimals, as on an axis."""
    shown = value if metric in IN_UNITS else 100 * value
    text = f"{shown:.3g}" if short or metric in IN_UNITS else percent(value)
    if text.strip("-0.") == "":
        text = text.lstrip("-")
    elif signed and value > 0:
        text = "+" + text
    return text.replace("-", MINUS)


def interval(estimate: Estimate, metric: str, *, signed: bool = False) -> str:
    """A metric's value with its interval."""
    value, low, high = (
        score(number, metric, signed=signed) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def quantity(value: float) -> str:
    """A number with three digits and a unit of thousands, as on an axis."""
    for size, unit in UNITS:
        if value >= size * 0.9995:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def counted(n: int, noun: str) -> str:
    """A number of things: ``1 row``, ``1,204 rows``."""
    return f"{n:,} {noun if n == 1 else noun + 's'}"


def duration(seconds: float) -> str:
    """A time with two or three digits: ``4.2 s``, ``75 s``, ``12 min``, ``3.1 h``."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
