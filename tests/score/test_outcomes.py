"""Claims about decided rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.errors import DataError


def test_parts_keep_rows_together(make_outcomes: Any) -> None:
    """Taking some rows takes gold, decision, seen and probabilities of the same rows."""
    log_probs = np.log([[0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])
    outcomes = make_outcomes([0, -1, 1], [0, 1, -1], n_labels=2, log_probs=log_probs, seen=[True, False, True])
    part = outcomes.labelled()
    assert len(part) == 2
    np.testing.assert_array_equal(part.gold, [0, 1])
    np.testing.assert_array_equal(part.predicted, [0, -1])
    np.testing.assert_array_equal(part.seen, [True, True])
    np.testing.assert_array_equal(part.log_probs, log_probs[[0, 2]])
    assert (part.invalid, part.counts.tolist()) == (1, [[1, 0, 0], [0, 0, 1]])


def test_no_gold_is_an_error(make_outcomes: Any) -> None:
    """Rows without any gold label cannot be scored."""
    with pytest.raises(DataError, match="nothing to score"):
        make_outcomes([-1, -1], [0, 1]).labelled()
