"""Claims about paired statistics; statsmodels, scipy, plain loops and simulation are the oracles."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, kstest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from promptsci.compare.paired import (
    Stack,
    discordant,
    holm,
    mcnemar,
    randomisation,
    resampled_runs,
    run_weights,
)
from promptsci.score import METRICS, Outcomes, families

LABELS = ("A", "B", "C")


def _run(gold: Any, predicted: Any, *names: str) -> Any:
    rows = Outcomes(LABELS, np.asarray(gold), np.asarray(predicted), np.zeros(len(gold), dtype=bool))
    return families(rows, {name: METRICS[name].sums for name in names or ("macro_f1",)})


def _value(gold: Any, predicted: Any, name: str = "macro_f1") -> float:
    sums = METRICS[name].sums  # equal to scikit-learn's value (tests/score), and a hundred times as fast
    assert sums is not None
    return sums.of(Outcomes(LABELS, gold, predicted, np.zeros(len(gold), dtype=bool)))


def _answers(rng: Any, gold: Any, runs: int, right: float = 0.55) -> Any:
    """Predictions [runs, N] of equally good runs that agree more than by chance: some rows are easy for all of them."""
    easy = rng.beta(2 * right, 2 * (1 - right), size=len(gold))
    is_right = rng.random((runs, len(gold))) < easy
    return np.where(is_right, gold, rng.integers(0, len(LABELS), size=(runs, len(gold))))


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=60)
def test_mcnemar_equals_statsmodels(only_a: int, only_b: int) -> None:
    """McNemar's exact p is statsmodels'."""
    expected = statsmodels_mcnemar([[5, only_a], [only_b, 7]], exact=True).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_holm_equals_statsmodels(n: int) -> None:
    """Holm's corrected p are statsmodels', each under its own name, with ties and p of 0 and 1 among them."""
    rng = np.random.default_rng(n)
    for _ in range(3):
        ps = rng.choice([0.0, 1e-4, 0.01, 0.01, 0.3, 1.0, *rng.random(6)], size=n)
        found = holm({str(number): float(p) for number, p in enumerate(ps)})
        assert list(found) == [str(number) for number in range(n)]
        np.testing.assert_allclose(list(found.values()), multipletests(ps, method="holm")[1], atol=1e-12)


def test_discordant_rows_by_hand() -> None:
    """Rows that one side only answers rightly are counted for the right side."""
    a, b = np.array([True, True, False, False, True]), np.array([True, False, True, False, False])
    assert discordant(a, b) == (2, 1)


def test_randomisation_equals_all_exchanges() -> None:
    """With eight rows the sampled p of macro-F1 is the share among all 2^8 exchanges."""
    rng = np.random.default_rng(3)
    gold, a, b = rng.integers(0, 3, size=(3, 8))
    actual = abs(_value(gold, a) - _value(gold, b))
    reached = []
    for swap in product([False, True], repeat=8):
        one, other = np.where(swap, b, a), np.where(swap, a, b)
        reached.append(abs(_value(gold, one) - _value(gold, other)) >= actual - 1e-12)
    stack = Stack.of([_run(gold, a), _run(gold, b)])
    p = randomisation(stack, "macro_f1", [[(0, 1)]], exchanges=20_000, seed=1)[0]
    assert p == pytest.approx(np.mean(reached), abs=0.012)


def test_groups_exchange_rows_in_all_pairs_at_once() -> None:
    """For two runs a side p is the share among exchanges of whole rows, in matched and in all pairs."""
    rng = np.random.default_rng(5)
    gold = rng.integers(0, 3, size=8)
    runs = rng.integers(0, 3, size=(4, 8))
    for pairs in ([(0, 2), (1, 3)], [(0, 2), (0, 3), (1, 2), (1, 3)]):
        values = []
        for swap in product([False, True], repeat=8):
            changes = []
            for a, b in pairs:
                one, other = np.where(swap, runs[b], runs[a]), np.where(swap, runs[a], runs[b])
                changes.append(_value(gold, one) - _value(gold, other))
            values.append(np.mean(changes))
        share = np.mean(np.abs(values) >= abs(values[0]) - 1e-12)
        stack = Stack.of([_run(gold, predicted) for predicted in runs])
        p = randomisation(stack, "macro_f1", [pairs], exchanges=20_000, seed=1)[0]
        assert p == pytest.approx(share, abs=0.012)


def test_many_rows_take_the_other_road_to_the_same_p() -> None:
    """Few kinds of rows (counted) and all-different rows (one by one) give the same p up to drawing noise."""
    rng = np.random.default_rng(7)
    gold = rng.integers(0, 3, size=600)
    a, b = _answers(rng, gold, 2)
    counted = Stack.of([_run(gold, a), _run(gold, b)])
    parts = [_run(gold, predicted)[0] for predicted in (a, b)]
    one_by_one = Stack.of([[part, type(part)(np.arange(600.0)[:, None], {})] for part in parts])
    assert len(counted.distinct) < 60 < len(one_by_one.distinct) == 600
    found = [randomisation(stack, "macro_f1", [[(0, 1)]], exchanges=4_000)[0] for stack in (counted, one_by_one)]
    assert found[0] == pytest.approx(found[1], abs=0.04)


def _null_ps(n: int, studies: int, pairs: Any, metric: str = "macro_f1") -> Any:
    """The p of as many studies of n rows, each of runs that are equally good."""
    n_runs = 1 + max(max(pair) for pair in pairs)
    rng = np.random.default_rng([n, n_runs])
    ps = []
    for study in range(studies):
        gold = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
        stack = Stack.of([_run(gold, predicted, metric) for predicted in _answers(rng, gold, n_runs)])
        ps.append(randomisation(stack, metric, [pairs], exchanges=999, seed=study)[0])
    return np.array(ps)


ONE, MATCHED = [(0, 1)], [(0, 3), (1, 4), (2, 5)]
EVERY = [(0, 1), (0, 2), (0, 3)]


def test_under_the_null_p_is_uniform() -> None:
    """300 studies of 139 rows without a difference: 2 to 8.5 % of p lie below 0.05, and p is uniform."""
    ps = _null_ps(139, 300, ONE)
    assert 0.02 <= (ps < 0.05).mean() <= 0.085
    assert kstest(ps, "uniform").pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("n", [139, 1_000])
@pytest.mark.parametrize("metric", ["macro_f1", "accuracy"])
@pytest.mark.parametrize("pairs", [ONE, MATCHED, EVERY], ids=["one", "matched", "one to three"])
def test_the_level_is_kept(n: int, metric: str, pairs: Any) -> None:
    """Of 1,000 studies without a difference 3.5 to 6.5 % have p < 0.05, with one run or several a side."""
    ps = _null_ps(n, 1_000, pairs, metric)
    assert 0.035 <= (ps < 0.05).mean() <= 0.065


def test_paired_bootstrap_agrees_with_scipy() -> None:
    """The interval of a difference in accuracy is scipy's paired percentile interval, up to drawing noise."""
    rng = np.random.default_rng(11)
    gold = rng.integers(0, 3, size=250)
    a, b = _answers(rng, gold, 2)
    drawn = resampled_runs(Stack.of([_run(gold, a, "accuracy"), _run(gold, b, "accuracy")]))["accuracy"]
    found = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
    change = (a == gold).astype(float) - (b == gold)
    expected = bootstrap((change,), np.mean, n_resamples=5_000, method="percentile", rng=1).confidence_interval
    np.testing.assert_allclose(found, [expected.low, expected.high], atol=0.008)


def test_pairing_narrows_the_interval() -> None:
    """Runs that answer alike have a narrower interval of their difference than their own intervals suggest."""
    rng = np.random.default_rng(13)
    gold = rng.integers(0, 3, size=300)
    a = _answers(rng, gold, 1)[0]
    b = np.where(rng.random(300) < 0.05, gold, a)
    drawn = resampled_runs(Stack.of([_run(gold, a), _run(gold, b)]))["macro_f1"]
    assert (drawn[:, 1] - drawn[:, 0]).std() < 0.5 * drawn.std(0).max()


def test_observed_values_are_the_metrics() -> None:
    """Sums of several runs side by side give each run's own metrics."""
    rng = np.random.default_rng(17)
    gold = rng.integers(0, 3, size=90)
    runs = _answers(rng, gold, 3)
    observed = Stack.of([_run(gold, predicted, *METRICS) for predicted in runs]).observed()
    for name in METRICS:
        expected = [_value(gold, predicted, name) for predicted in runs]
        np.testing.assert_allclose(observed[name], expected, atol=1e-9)


def test_run_weights_are_shared_by_equal_keys() -> None:
    """Methods with the same seeds and wordings draw the same runs, in whatever order; others draw their own."""
    keys = [("plain", 0), ("plain", 1), ("terse", 0)]
    one, turned = run_weights(keys, 500, 1), run_weights(keys[::-1], 500, 1)
    np.testing.assert_array_equal(one, turned[:, ::-1])
    np.testing.assert_allclose(one.sum(1), 1)
    other = run_weights([("curt", 0), ("curt", 1), ("curt", 2)], 500, 1)
    assert (one != other).any()
    assert one.std(0) == pytest.approx(np.full(3, np.sqrt(2 / 27)), rel=0.15)
