"""Sentences follow from the numbers, and only from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from promptsci.report.page.summary import sentences
from promptsci.report.said import listed
from promptsci.score import Estimate


def test_who_leads_and_who_is_shown_worse(study: Any, comparison: Any) -> None:
    """The first sentence names the best with n; the methods named worse are exactly those that are not tied."""
    said = sentences(comparison, train_known=True)
    worse = next((line for line in said if line.startswith("Shown to be worse")), "")

    assert said[0].startswith(f"On {study.n} rows of verdicts (test), {comparison.best} scores highest: macro-F1 ")
    for method in comparison.methods[1:]:
        assert (f"{method.name} (" in worse) == (not method.tied)


def test_ties_are_named(study: Any, comparison: Any) -> None:
    """When no difference is shown, all methods are tied, and no sentence says better or worse."""
    blurred = replace(
        comparison,
        methods=tuple(replace(method, tied=True) for method in comparison.methods),
        differences=tuple(replace(one, shown=False) for one in comparison.differences),
    )
    said = " ".join(sentences(blurred, train_known=True))

    assert (
        f"cannot tell {comparison.best} apart from {listed([method.name for method in comparison.methods[1:]])}" in said
    )
    assert "Shown to be" not in said
    assert "better than every other" not in said


def test_the_smallest_difference_spans_those_of_the_methods(study: Any, comparison: Any) -> None:
    """The range given is that of the comparison's own figures."""
    smallest = [100 * one.smallest for one in comparison.differences if one.b == comparison.best]
    (line,) = (line for line in sentences(comparison, train_known=True) if "smallest difference" in line)

    assert f"{study.n} rows can show is {min(smallest):.1f} to {max(smallest):.1f} points" in line


def test_leaks_are_counted(study: Any, comparison: Any) -> None:
    """Rows that stand in train are counted, and the leader among the others is named."""
    said = sentences(comparison, train_known=True)

    assert f"{study.seen.sum()} rows of the data also stand in train." in said
    assert any(line.startswith(f"On the {(~study.seen).sum()} others alone ") for line in said)


def test_a_lead_that_leaks_make_is_told(comparison: Any) -> None:
    """Where another method leads on the rows that do not stand in train, both are given there."""
    best, second = comparison.methods[:2]
    main = comparison.main
    turned = replace(
        comparison,
        methods=(
            replace(best, unseen=replace(best.unseen, metrics={main: Estimate(0.2, 0.1, 0.3)})),
            replace(second, unseen=replace(second.unseen, metrics={main: Estimate(0.9, 0.8, 1.0)})),
        ),
    )
    (line,) = (line for line in sentences(turned, train_known=True) if "others alone" in line)

    assert f"{second.name} scores highest: macro-F1 90.0 [80.0, 100.0] %" in line
    assert line.endswith(f"against 20.0 [10.0, 30.0] % of {best.name}.")


def test_no_leak_is_said_too(make_study: Callable[..., Any]) -> None:
    """Where no row stands in train, the summary says so."""
    study = make_study()
    study.seen[:] = False
    study.run("zero-shot", 1.0)

    assert "No row's text also stands in train." in sentences(study.compare(), train_known=True)


def test_what_is_not_known_is_not_claimed(comparison: Any) -> None:
    """Without train rows to look in, the summary does not say that there are no leaks."""
    said = " ".join(sentences(comparison, train_known=False))

    assert "is not known: the data have no such split" in said
    assert "also stand in train." not in said
