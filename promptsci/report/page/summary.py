"""What a comparison says, in sentences: each from its numbers alone, none where the numbers say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from promptsci.compare import Comparison, Difference, Method
from promptsci.report.comparison import p_value
from promptsci.report.numbers import counted, interval
from promptsci.report.said import listed, said_of_smallest, said_of_ties
from promptsci.report.terminal import metric_name


def sentences(comparison: Comparison, *, train_known: bool) -> list[str]:
    """The summary: who leads, who cannot be told apart, who is shown to be worse, what n can show, leaks.

    Args:
        comparison: what is summed up.
        train_known: whether the train rows were there when rows were looked up in them.
    """
    return [*_sentences(comparison), *_leaks(comparison, comparison.methods[0], train_known)]


def _sentences(comparison: Comparison) -> Iterator[str]:
    best, main = comparison.methods[0], comparison.main
    which = "" if comparison.rows == "all" else f"{comparison.rows} "
    rows = counted(comparison.n, "row")
    yield (
        f"On {rows.replace(' ', f' {which}', 1)} of {comparison.task} ({comparison.split}), "
        f"{best.name} scores highest: {metric_name(main)} {interval(best.metrics[main], main)} %."
    )
    if len(comparison.methods) > 1:
        yield _ties(comparison, best)
        yield from _worse(comparison, best)
        yield from _baseline(comparison, best)
        yield from _power(comparison, best)


def _ties(comparison: Comparison, best: Method) -> str:
    tied = [method.name for method in comparison.methods if method.tied and method is not best]
    return said_of_ties(best.name, tied, len(comparison.methods), comparison.level)


def _worse(comparison: Comparison, best: Method) -> Iterator[str]:
    worse = [one for one in _to(comparison, best.name) if one.shown]
    if worse:
        parts = [
            f"{one.a} ({interval(one.value, comparison.main, signed=True)} points, p {_equals(one.p_holm)})"
            for one in worse
        ]
        yield f"Shown to be worse: {listed(parts)}."


def _baseline(comparison: Comparison, best: Method) -> Iterator[str]:
    if comparison.baseline == best.name:
        yield f"No method scores higher than the baseline, {comparison.baseline}."
        return
    against = _to(comparison, comparison.baseline)
    better = [one.a for one in against if one.shown and _gains(comparison, one)]
    if better:
        yield f"Shown to be better than the baseline, {comparison.baseline}: {listed(better)}."
    elif against:
        yield f"No method is shown to be better than the baseline, {comparison.baseline}."


def _gains(comparison: Comparison, one: Difference) -> bool:
    return one.value.value > 0 if comparison.metrics[0].higher_is_better else one.value.value < 0


def _power(comparison: Comparison, best: Method) -> Iterator[str]:
    smallest = [one.smallest for one in _to(comparison, best.name)]
    if smallest:
        yield said_of_smallest(smallest, comparison.main, comparison.n)


def _leaks(comparison: Comparison, best: Method, train_known: bool) -> Iterator[str]:
    if not train_known:
        yield "Whether rows also stand in train is not known: the data have no such split."
        return
    if not comparison.seen:
        yield "No row's text also stands in train."
        return
    yield f"{counted(comparison.seen, 'row')} of the data also stand in train."
    if comparison.rows != "all":
        yield f"Only {comparison.rows} rows decide here."
        return
    unseen = {method.name: method.unseen for method in comparison.methods}
    group, main = unseen[best.name], comparison.main
    if group is None:
        return
    sign = 1 if comparison.metrics[0].higher_is_better else -1
    leader = max(comparison.methods, key=lambda method: sign * (method.unseen or group).metrics[main].value)
    scored = (leader.unseen or group).metrics[main]
    said = f"On the {group.n:,} others alone {leader.name} scores highest"
    if leader is best:
        yield f"{said} too: {metric_name(main)} {interval(scored, main)} %."
    else:
        own = interval(group.metrics[main], main)
        yield f"{said}: {metric_name(main)} {interval(scored, main)} %, against {own} % of {best.name}."


def _to(comparison: Comparison, other: str) -> list[Difference]:
    """The differences to one method, in the order of rank."""
    found = (comparison.difference(method.name, other) for method in comparison.methods)
    return [one for one in found if one]


def _equals(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("≤") else f"= {text}"
