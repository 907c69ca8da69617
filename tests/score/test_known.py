from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.errors import DataError
from promptsci.score import Facts, decide, log_probabilities
from promptsci.score.abstention import CUTS, cut_at
from promptsci.score.decide import BatchPrior
from promptsci.score.known import decided, learn, learn_numbers, logliks_of

FACTS = Facts("label", ("a", "b", "c"))


def rows(rng: Any, n: int, sharpness: float = 2.0) -> list[dict[str, Any]]:
    """Rows whose log-likelihoods favour the right label."""
    gold = rng.integers(0, 3, n)
    nats = rng.normal(size=(n, 3)) - 4
    nats[np.arange(n), gold] += sharpness
    return [
        {"id": str(i), "gold": "abc"[g], "nats": {label: [float(x)] for label, x in zip("abc", each, strict=True)}}
        for i, (g, each) in enumerate(zip(gold, nats, strict=True))
    ]


def test_a_prior_in_parts_is_the_batch_rule_on_all() -> None:
    """Means taken part by part, and each row then decided by itself, give what the rule gives on all rows at once."""
    found = rows(np.random.default_rng(0), 500)
    whole = log_probabilities("batch", logliks_of(found, FACTS, "batch"))
    mean = BatchPrior()
    for start in range(0, 500, 64):
        mean.add(logliks_of(found[start : start + 64], FACTS, "batch"))
    parts = [
        log_probabilities("batch", logliks_of(found[start : start + 7], FACTS, "batch"), mean.value())
        for start in range(0, 500, 7)
    ]

    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-12)
    np.testing.assert_array_equal(decide(np.concatenate(parts)), decide(whole))


@pytest.mark.parametrize("rule", ["sum", "batch"])
def test_sets_hold_the_right_label_as_often_as_promised(rule: str) -> None:
    """Over many draws of labelled and new rows, sets miss in about the error of rows."""
    rng = np.random.default_rng(1)
    missed = []
    for _ in range(50):
        known, new = learn(rows(rng, 100), FACTS, rule, 0.2), rows(rng, 100)
        found = decided(logliks_of(new, FACTS, rule), rule, known, known.prior)
        missed.append(np.mean([row["gold"] not in labels for row, labels in zip(new, found.sets, strict=True)]))

    assert 0.16 < np.mean(missed) < 0.22


def test_kept_decisions_err_no_oftener_than_asked() -> None:
    """Over many draws, the kept decisions' true error rarely exceeds what was asked, and some decisions are kept."""
    rng = np.random.default_rng(2)
    too_often, kept = 0, []
    big = rows(rng, 3_000, 3.0)
    for _ in range(40):
        known = learn(rows(rng, 300, 3.0), FACTS, "sum", 0.1)
        found = decided(logliks_of(big, FACTS, "sum"), "sum", known)
        stay = ~np.array(found.abstain)
        right = np.array([found.labels[p] == row["gold"] for p, row in zip(found.predicted, big, strict=True)])
        kept.append(stay.mean())
        too_often += bool(stay.any()) and (~right[stay]).mean() > 0.1

    assert too_often <= 5
    assert np.mean(kept) > 0.3


def test_few_rows_show_nothing() -> None:
    """55 rows without an error are the least that show an error of at most 0.1 with 16 cuts; one less keeps nothing."""
    sure = np.full(55, 1.0)
    none_wrong = np.zeros(55, dtype=bool)

    assert len(CUTS) == 16
    assert 0.9**55 <= 0.05 / len(CUTS) < 0.9**54
    assert cut_at(sure[:55], none_wrong[:55], 0.1).n == 55
    assert cut_at(sure[:54], none_wrong[:54], 0.1).least == float("inf")


SCALE = Facts("number", (), low=0.0, high=10.0)


def test_numbers_lie_within_reach_as_often_as_promised() -> None:
    """Intervals from labelled numbers miss in about the error of new ones; an invalid answer is infinitely far."""
    rng = np.random.default_rng(3)
    missed = []
    for _ in range(100):
        gaps = rng.normal(size=120)
        stored = [{"id": str(i), "gold": 5.0, "answer": 5.0 + gap} for i, gap in enumerate(gaps[:60])]
        missed.append(np.mean(np.abs(gaps[60:]) > learn_numbers(stored, SCALE, 0.1).reach))
    invalid = [{"id": str(i), "gold": 1.0, "answer": None if i < 3 else 1.0} for i in range(20)]

    assert 0.07 < np.mean(missed) < 0.12
    assert learn_numbers(invalid, SCALE, 0.1).reach == float("inf")


def test_options_beyond_those_known_have_the_same_threshold() -> None:
    """A new row may have more options than any labelled one; letters that a row lacks are in no set."""
    facts = Facts("options")
    known_rows = [{"id": str(i), "gold": "A", "nats": {"A": [-1.0], "B": [-1.0 - i / 10]}} for i in range(5)]
    known = learn(known_rows, facts, "sum", 0.1)
    new = [
        {"id": "x", "nats": {"A": [-1.0], "B": [-2.0], "C": [-2.0]}},
        {"id": "y", "nats": {"A": [-1.0], "B": [-1.0]}},
    ]
    found = decided(logliks_of(new, facts, "sum"), "sum", known)

    assert found.sets == (("A", "B", "C"), ("A", "B"))


def test_without_a_label_nothing_is_learnt() -> None:
    """Rows without labels, and an error that is none, are refused."""
    with pytest.raises(DataError):
        learn([{"id": "1", "gold": None, "nats": {"a": [-1.0], "b": [-1.0], "c": [-1.0]}}], FACTS, "sum", 0.1)
    with pytest.raises(DataError, match="between 0 and 1"):
        learn(rows(np.random.default_rng(0), 5), FACTS, "sum", 1.5)
