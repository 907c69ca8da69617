from __future__ import annotations

import math

import pytest

from promptsci.study.saved import Saving, needs

LINE = [(8, 0.2), (32, 0.4), (128, 0.6)]


def test_labels_are_read_off_a_straight_line_in_the_logarithm() -> None:
    """Half way in score between 32 and 128 labels lies their geometric mean."""
    assert needs(LINE, 0.5, 8) == round(math.sqrt(32 * 128)) == 64
    assert needs(LINE, 0.4, 8) == 32


def test_what_nothing_reaches_is_not_known_and_what_it_has_saves_nothing() -> None:
    """A score above the whole line needs more than was measured; one below it at the same size needs no more."""
    assert needs(LINE, 0.7, 8) is None
    assert needs(LINE, 0.3, 32) == 32


@pytest.mark.parametrize(("needed", "shown", "labels"), [(64, True, 56), (64, False, 0), (None, True, 120)])
def test_only_what_is_shown_is_saved(needed: int | None, shown: bool, labels: int) -> None:
    """Labels are the distance between the two sizes, at least that to the largest one, and none without evidence."""
    assert Saving(8, 0.5, 0.2, 0.3, 0.1, 0.4, 0.01, shown, needed, 128).labels == labels
