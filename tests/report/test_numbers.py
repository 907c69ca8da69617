"""Numbers as they are printed."""

from __future__ import annotations

import pytest

from promptsci.report.numbers import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.031, "0.031 s"), (4.24, "4.2 s"), (75.4, "75 s"), (90, "2 min"), (720, "12 min"), (11_200, "3.1 h")],
)
def test_a_time_has_two_or_three_digits(seconds: float, text: str) -> None:
    """Seconds below a minute and a half, then minutes, then hours."""
    assert duration(seconds) == text
