from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from promptsci.score.answered import Answered, expectation
from promptsci.score.number_metrics import number_metrics, pairs

NUMBERS = st.integers(0, 50).map(lambda number: number / 10)
METRICS = {metric.name: metric for metric in number_metrics(0.0, 5.0)}


def rows(gold: list[float], answers: list[float | None]) -> Answered:
    """Rows with these right numbers and answers."""
    seen = np.zeros(len(gold), dtype=np.bool_)
    return Answered(tuple(f"r{i}" for i in range(len(gold))), tuple(gold), tuple(answers), seen)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=20))
def test_values_are_scipys_and_numpys(pairs_: list[tuple[float, float]]) -> None:
    """Correlations are scipy's (0 where one side does not vary), errors plain means."""
    gold, said = (np.array(column) for column in zip(*pairs_, strict=True))
    found = rows(gold.tolist(), said.tolist())
    varies = len(set(gold)) > 1 and len(set(said)) > 1

    assert METRICS["pearson"].point(found) == pytest.approx(stats.pearsonr(gold, said)[0] if varies else 0, abs=1e-6)
    assert METRICS["spearman"].point(found) == pytest.approx(stats.spearmanr(gold, said)[0] if varies else 0, abs=1e-6)
    assert METRICS["mae"].point(found) == pytest.approx(np.abs(gold - said).mean())
    assert METRICS["mse"].point(found) == pytest.approx(((gold - said) ** 2).mean())
    assert METRICS["rmse"].point(found) == pytest.approx(np.sqrt(((gold - said) ** 2).mean()))


def test_less_error_is_better() -> None:
    """Comparisons know which way each metric points."""
    assert {name: metric.higher_is_better for name, metric in METRICS.items()} == {
        "pearson": True, "spearman": True, "mae": False, "mse": False, "rmse": False,
    }  # fmt: skip


def test_an_invalid_answer_is_as_wrong_as_can_be() -> None:
    """No number stands for the farther end of the range."""
    _, said = pairs(rows([1.0, 4.0, 2.5], [None, None, None]), 0.0, 5.0)

    assert said.tolist() == [5.0, 0.0, 5.0]


def test_an_expectation_weighs_numbers_by_their_probability() -> None:
    """Three numbers, probabilities 1/2, 1/4, 1/4 after they are normalised."""
    nats = {"0.0": [np.log(0.1), np.log(0.2)], "2.0": [np.log(0.01)], "4.0": [np.log(0.01)]}

    assert expectation(nats) == pytest.approx(0.5 * 0 + 0.25 * 2 + 0.25 * 4)
