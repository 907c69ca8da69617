from __future__ import annotations

import pytest

from promptsci.compare.forgetting import Cell, Column, Step, Sums, forgetting

SCORES = [[0.8, 0.3, None], [0.6, 0.9, 0.35], [0.5, 0.7, 0.95]]
"""Three tasks one after the other, as a paper would print them."""
LEARNED = [(0,), (1,), (2,)]
BASE = [0.4, 0.2, 0.25]


def test_figures_of_a_matrix_are_those_of_the_papers_by_hand() -> None:
    """Backward transfer, forgetting and forward transfer of a written matrix are what the formulas give on paper."""
    sums = Sums(SCORES, LEARNED, BASE)

    assert sums.average() == pytest.approx((0.5 + 0.7 + 0.95) / 3)
    assert sums.backward_transfer() == pytest.approx(((0.5 - 0.8) + (0.7 - 0.9)) / 2)
    assert sums.forgetting() == pytest.approx(((0.8 - 0.5) + (0.9 - 0.7)) / 2)
    assert sums.forward_transfer() == pytest.approx(((0.3 - 0.2) + (0.35 - 0.25)) / 2)


def test_forgetting_is_measured_from_the_best_step_and_backward_transfer_from_the_own() -> None:
    """A task that had risen after it was learned has lost more than it stands below its own step."""
    sums = Sums([[0.6, 0.1], [0.9, 0.5], [0.5, 0.6]], [(0,), (1, 2)], [0.0, 0.0])

    assert sums.backward_transfer() == pytest.approx(0.5 - 0.6)
    assert sums.forgetting() == pytest.approx(0.9 - 0.5)


def test_a_task_learned_again_is_none_that_is_forgotten() -> None:
    """The last step's own tasks are no earlier ones, also where they were learned before."""
    sums = Sums([[0.8, 0.1], [0.6, 0.9], [0.85, 0.7]], [(0, 2), (1,)], [0.0, 0.0])

    assert sums.backward_transfer() == pytest.approx(0.7 - 0.9)


def test_what_is_not_measured_gives_no_mean() -> None:
    """A step whose weights are gone leaves figures that need it unsaid, and no others."""
    sums = Sums([[None, None], [0.6, 0.9]], [(0,), (1,)], [0.4, 0.2])

    assert sums.backward_transfer() is None
    assert sums.forgetting() is None
    assert sums.forward_transfer() is None
    assert sums.average() == pytest.approx(0.75)


def test_errors_are_turned_and_it_is_said() -> None:
    """Where less of a metric is better, a fall of it is a gain, and means over different metrics are said to be so."""
    columns = [Column("a", "mae", False, "test", 9, (0,)), Column("b", "accuracy", True, "test", 9, (1,))]
    steps = [Step("one", None, ("a",)), Step("two", "none", ("b",))]
    cell = lambda value: Cell(value, value, value, "/nowhere")  # noqa: E731
    found = forgetting(columns, steps, [cell(3.0), cell(0.2)], [[cell(1.0), cell(0.3)], [cell(1.5), cell(0.9)]])

    assert found.backward_transfer == pytest.approx(-0.5)
    assert found.forward_transfer == pytest.approx(0.1)
    assert any("mae with its sign turned" in note for note in found.notes)
    assert any("the change of a is not tested" in note for note in found.notes)
