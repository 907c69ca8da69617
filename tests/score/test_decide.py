"""Claims about the decision rules; scipy's softmax and plain loops are the oracles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax, softmax

from promptsci.errors import RunError, SpecError
from promptsci.score.decide import RULES, available, decide, describe, log_probabilities, near_ties, normalise
from promptsci.score.loglik import LogLikelihoods, from_rows

LABELS = ("Background", "Uses", "Future")


@pytest.fixture
def logliks(make_rows: Any) -> LogLikelihoods:
    """Forty rows with all reference scores."""
    return from_rows(make_rows(), LABELS)


@settings(deadline=None)
@given(arrays(np.float64, (4, 5), elements=st.floats(-2000, 0)))
def test_normalise_is_log_softmax(nats: Any) -> None:
    """Normalising equals scipy's log-softmax, far below underflow too."""
    np.testing.assert_allclose(normalise(nats), log_softmax(nats, axis=-1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_a_distribution(rule: str, logliks: LogLikelihoods) -> None:
    """Probabilities of each row sum to one under every rule."""
    np.testing.assert_allclose(np.exp(log_probabilities(rule, logliks)).sum(-1), 1, rtol=1e-12)


def test_each_rule_equals_its_formula(logliks: LogLikelihoods) -> None:
    """Each rule equals its paper's formula written out row by row in probabilities."""
    assert logliks.premise_nats is not None
    assert logliks.content_free_nats is not None
    p = softmax(logliks.sum_nats, axis=1)
    for i in range(len(logliks)):
        content_free = np.mean([softmax(filling) for filling in logliks.content_free_nats[i]], axis=0)
        expected = {
            "sum": p[i],
            "mean": softmax(logliks.sum_nats[i] / logliks.n_tokens[i]),
            "pmi": softmax(logliks.sum_nats[i] - logliks.premise_nats[i]),
            "contextual": p[i] / content_free / (p[i] / content_free).sum(),
            "batch": p[i] / p.mean(0) / (p[i] / p.mean(0)).sum(),
        }
        for rule in RULES:
            np.testing.assert_allclose(np.exp(log_probabilities(rule, logliks)[i]), expected[rule], rtol=1e-10)


def test_contextual_decides_as_the_paper_does(logliks: LogLikelihoods) -> None:
    """Renormalising p / p_cf decides as the paper's argmax softmax(W p + b), W = diag(p_cf)^-1, b = 0."""
    assert logliks.content_free_nats is not None
    p = softmax(logliks.sum_nats, axis=1)
    p_cf = softmax(logliks.content_free_nats, axis=2).mean(1)
    paper = [softmax(np.linalg.inv(np.diag(p_cf[i])) @ p[i]).argmax() for i in range(len(logliks))]
    np.testing.assert_array_equal(decide(log_probabilities("contextual", logliks)), paper)


@pytest.mark.parametrize("rule", RULES)
def test_rules_ignore_row_order_and_follow_label_order(rule: str, make_rows: Any) -> None:
    """Turning the rows turns the decisions with them; turning the labels turns the positions only."""
    rows = make_rows()
    base = decide(log_probabilities(rule, from_rows(rows, LABELS)))
    np.testing.assert_array_equal(decide(log_probabilities(rule, from_rows(rows[::-1], LABELS)))[::-1], base)
    np.testing.assert_array_equal(2 - decide(log_probabilities(rule, from_rows(rows, LABELS[::-1]))), base)


@pytest.mark.parametrize("rule", ["contextual", "batch", "pmi"])
def test_calibrating_rules_remove_a_constant_bias(rule: str, make_logliks: Any) -> None:
    """A bias of one label that its reference shows too no longer decides."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=(60, 3))
    bias = np.array([6.0, 0.0, -6.0])
    biased = make_logliks(
        true + bias,
        premise_nats=np.tile(bias, (60, 1)),
        content_free_nats=np.tile(bias, (60, 2, 1)),
    )
    found = decide(log_probabilities(rule, biased))
    assert (decide(log_probabilities("sum", biased)) == 0).mean() > 0.9
    if rule == "batch":
        # The mean of skewed probabilities only estimates the bias: most of it goes, not all.
        assert np.bincount(found, minlength=3).min() >= 5
    else:
        np.testing.assert_array_equal(found, true.argmax(1))


def test_extreme_scores_stay_finite(make_logliks: Any) -> None:
    """Probabilities that underflow in every row still divide without becoming nan or infinite."""
    nats = np.array([[-2000.0, -1.0], [-1500.0, -3.0]])
    scores = make_logliks(nats, content_free_nats=nats[:, None, :], premise_nats=nats)
    for rule in RULES:
        assert np.isfinite(log_probabilities(rule, scores)).all(), rule


def test_ties_go_to_the_first_label_and_are_counted(make_logliks: Any) -> None:
    """Equal labels: the first in task order wins; rows within the tolerance are counted, others not."""
    log_probs = log_probabilities("sum", make_logliks([[-1, -1, -9], [-1, -1.0005, -9], [-1, -1.5, -9], [-9, -1, -1]]))
    np.testing.assert_array_equal(decide(log_probs), [0, 0, 0, 1])
    assert near_ties(log_probs) == 3
    assert near_ties(log_probs, tolerance_nats=1e-4) == 2
    assert near_ties(log_probs, tolerance_nats=1.0) == 4


def test_a_rule_without_its_scores_says_so(logliks: LogLikelihoods) -> None:
    """A rule whose references were not stored is an error and is not offered."""
    bare = replace(logliks, premise_nats=None, content_free_nats=None)
    assert available(logliks) == RULES
    assert available(bare) == ("sum", "mean", "batch")
    with pytest.raises(RunError, match="'pmi' needs log-likelihoods after the domain premise"):
        log_probabilities("pmi", bare)
    with pytest.raises(RunError, match="'contextual' needs log-likelihoods after content-free inputs"):
        log_probabilities("contextual", bare)


def test_rules_are_described_and_misspellings_answered(logliks: LogLikelihoods) -> None:
    """Each rule has one line, the batch rule's says transductive, and a wrong name gets the nearest."""
    assert all(describe(rule) and "\n" not in describe(rule) for rule in RULES)
    assert "transductive" in describe("batch")
    with pytest.raises(SpecError, match="Did you mean 'contextual'"):
        log_probabilities("contextul", logliks)
    with pytest.raises(SpecError, match="no decision rule 'best'"):
        describe("best")
