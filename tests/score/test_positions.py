from __future__ import annotations

import pytest

from promptsci.score import position_bias


def rows(order: str | None, *answers: str) -> list[dict]:
    """Decided rows whose right option is B in the data, their options in an order."""
    known = {} if order is None else {"order": order}
    gold = "B" if order is None else "ABC"[order.index("B")]
    return [{"id": str(n), "gold": gold, "label": label, **known} for n, label in enumerate(answers)]


def test_a_model_that_always_says_a_shows() -> None:
    """It answers A everywhere, never the same option, and is right as often as A is right."""
    found = position_bias([rows(None, "A", "A"), rows("BCA", "A", "A"), rows("CAB", "A", "A")])

    assert found["positions"]["A"] == {"answered": 1.0, "right": pytest.approx(1 / 3), "accuracy": 1.0}
    assert found["positions"]["C"] == {"answered": 0.0, "right": pytest.approx(1 / 3), "accuracy": 0.0}
    assert (found["same_option"], found["always_right"], found["orders"], found["n"]) == (0.0, 0.0, 3, 2)


def test_a_model_that_reads_the_options_shows_none() -> None:
    """It answers the same option in every order, each position as often as it is right; a row may be wrong steadily."""
    found = position_bias([rows(None, "B", "C"), rows("BCA", "A", "B"), rows("CAB", "C", "A")])

    assert found["same_option"] == 1.0
    assert found["always_right"] == 0.5
    assert all(shares["answered"] == shares["right"] for shares in found["positions"].values())
