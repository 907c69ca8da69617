"""Sentences about a comparison that terminal, Markdown and page share."""

from __future__ import annotations

from collections.abc import Sequence

from promptsci.report.numbers import IN_UNITS, counted, score


def said_of_ties(best: str, tied: Sequence[str], n_methods: int, level: float) -> str:
    """Whether the best method is shown to be better than the others, of which some may be tied with it."""
    test = f"level {level:g}, paired randomisation test, Holm-corrected"
    if tied:
        return f"The data cannot tell {best} apart from {listed(tied)} ({test}): treat these as tied."
    others = "the other method" if n_methods == 2 else "every other method"
    return f"The data show that {best} is better than {others} ({test})."


def said_of_smallest(smallest: Sequence[float], main: str, n: int) -> str:
    """What the rows can show at all: the smallest difference to the best, by method."""
    low, high = score(min(smallest), main), score(max(smallest), main)
    unit = "" if main in IN_UNITS else " points"
    span = f"about {low}{unit}" if low == high else f"{low} to {high}{unit}, depending on the method"
    return (
        f"The smallest difference to the best that {counted(n, 'row')} can show is {span} (power 0.8); "
        "smaller ones stay open."
    )


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
