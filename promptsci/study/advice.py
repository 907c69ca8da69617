"""What to do, as far as the numbers carry: the cheapest of those that cannot be told apart; what is not worth it."""

from __future__ import annotations

from collections.abc import Iterator

from promptsci.compare import Comparison, Method
from promptsci.report.numbers import duration

UNTAUGHT = ("majority", "tfidf", "dictionary", "lead")
"""Methods without a language model: one that does not beat them is not worth its cost."""


def advice(comparison: Comparison) -> Iterator[str]:
    """Yields sentences, the one to act on first."""
    yield _choice(comparison)
    yield from _below(comparison)
    yield from _leak(comparison)


def _choice(comparison: Comparison) -> str:
    best = comparison.methods[0]
    tied = [method for method in comparison.methods if method.tied or method is best]
    score = f"{_percent(comparison, best)} {comparison.main}"
    if len(tied) == 1:
        return f"Use {best.name}: {score}, and the data show that every other method is worse ({_what_it_takes(best)})."
    cheapest = min(tied, key=_price)
    others = ", ".join(method.name for method in tied if method is not cheapest)
    if cheapest is best:
        return (
            f"Use {best.name}: {score}; {others} cannot be told apart from it on {comparison.n:,} rows, and it is the "
            f"cheapest of them ({_what_it_takes(best)})."
        )
    return (
        f"Use {cheapest.name} unless more rows can be labelled to decide: {best.name} scores highest ({score}), but on "
        f"{comparison.n:,} rows {others} and {cheapest.name} cannot be told apart, and {cheapest.name} is the cheapest "
        f"({_what_it_takes(cheapest)}, against {_what_it_takes(best)})."
    )


def _below(comparison: Comparison) -> Iterator[str]:
    """Methods with a language model that score below one without."""
    sign = 1 if comparison.metrics[0].higher_is_better else -1
    for plain in (method for method in comparison.methods if method.method in UNTAUGHT):
        own = sign * plain.metrics[comparison.main].value
        below = [
            method.name
            for method in comparison.methods
            if method.method not in UNTAUGHT and sign * method.metrics[comparison.main].value < own
        ]
        if below:
            verb = "scores" if len(below) == 1 else "score"
            yield f"{', '.join(below)} {verb} below {plain.name}, which needs no language model: not worth its cost."
            return


def _leak(comparison: Comparison) -> Iterator[str]:
    if comparison.rows == "all" and 0 < comparison.seen < comparison.n:
        yield (
            f"{comparison.seen:,} of {comparison.n:,} rows also stand in train, which flatters what learns from it: "
            "look at the same comparison with --rows unseen before you decide."
        )


def _price(method: Method) -> tuple[float, float, float]:
    """Cheaper first: labels that must be made, then seconds of training, then seconds of scoring."""
    cost = method.cost
    unknown = float("inf")
    return (
        unknown if cost.labels is None else float(cost.labels),
        unknown if cost.training_s is None else cost.training_s,
        unknown if cost.seconds_per_1000 is None else cost.seconds_per_1000,
    )


def _what_it_takes(method: Method) -> str:
    cost = method.cost
    parts = [f"{cost.labels:,} labelled rows" if cost.labels else "no labelled row"]
    if cost.training_s:
        parts.append(f"{duration(cost.training_s)} of training")
    if cost.seconds_per_1000 is not None:
        parts.append(f"{duration(cost.seconds_per_1000)} for 1,000 rows")
    return ", ".join(parts)


def _percent(comparison: Comparison, method: Method) -> str:
    return f"{100 * method.metrics[comparison.main].value:.1f}"
