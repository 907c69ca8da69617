from __future__ import annotations

from typing import Any

import pytest

from promptsci.compare.forgetting import Cell, Change, Column, Forgetting, Step
from promptsci.report.forgetting import forgetting_lines, forgetting_markdown, forgetting_section
from promptsci.report.page import forgetting_page


@pytest.fixture
def found() -> dict[str, Any]:
    """Two steps of which the second lost much of the first, with a name that HTML and Markdown would read."""
    columns = (Column("a|<b>", "macro_f1", True, "test", 120, (0,)), Column("b", "mae", False, "test", 50, (1,)))
    steps = (Step("lora-1", None, ("a|<b>",)), Step("lora-2", "none", ("b",)))
    cell = lambda value: Cell(value, value - 0.1, value + 0.1, "/runs/x")  # noqa: E731
    cells = ((cell(0.7), None), (cell(0.5), cell(1.5)))
    change = Change("a|<b>", -0.2, -0.3, -0.1, 0.001, 0.002, True)
    base = (cell(0.3), cell(2.0))
    return Forgetting(columns, steps, base, cells, (change,), 0.6, -0.2, 0.2, None, ("said",)).to_json()


def test_the_matrix_stars_what_a_step_learned(found: dict[str, Any]) -> None:
    """A row for the base and each step; what was not measured stays empty; errors stand in their own units."""
    section = forgetting_section(found)

    assert [row[2:] for row in section.rows] == [
        ["30.0 [20.0, 40.0]", "2 [1.9, 2.1]"], ["70.0 [60.0, 80.0]*", ""], ["50.0 [40.0, 60.0]", "1.5 [1.4, 1.6]*"],
    ]  # fmt: skip
    assert section.rows[2][1] == "lora-2, keep none"


def test_lines_say_sign_test_and_what_is_missing(found: dict[str, Any]) -> None:
    """A loss has a minus, its paired test and its rows; a figure that is not known is left out."""
    lines = list(forgetting_lines(found))

    assert any(line.startswith("backward transfer: −20.0") for line in lines)
    assert any("−20.0 [−30.0, −10.0] on 120 rows, p 0.002" in line and line.endswith("is shown") for line in lines)
    assert not any("forward" in line for line in lines)
    assert lines[-1] == "Note: said"


def test_names_are_text_on_the_page_and_in_markdown(found: dict[str, Any]) -> None:
    """A task's name cannot become markup, and the page reaches for nothing outside itself."""
    page, text = forgetting_page(found), forgetting_markdown(found)

    assert "a|&lt;b&gt;" in page
    assert "<b>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "a\\|\\<b>" in text
