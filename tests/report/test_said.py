from __future__ import annotations

import pytest

from promptsci.report.said import listed, said_of_smallest


@pytest.mark.parametrize(
    ("names", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_people_write(names: list[str], expected: str) -> None:
    """Commas, and one "and"."""
    assert listed(names) == expected


def test_what_rows_can_show_is_said_in_the_units_of_the_metric() -> None:
    """Shares are points of a hundred; an error in the units of the data is no point."""
    assert "60 rows can show is 9.0 to 12.0 points, depending" in said_of_smallest([0.09, 0.12], "accuracy", 60)
    assert "1 row can show is about 0.25 (power" in said_of_smallest([0.25, 0.25], "rmse", 1)
