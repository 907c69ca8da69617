from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from promptsci.compare import clean_runs, compare
from promptsci.compare.robustness import kendall


def accuracy(maker: Any, nats: Any) -> float:
    """The share of rows that log-likelihoods decide rightly."""
    return float((nats.argmax(axis=1) == maker.gold).mean())


def test_a_method_is_shown_clean_perturbed_and_at_its_worst(maker: Any) -> None:
    """Values are those of each run's rows; always right is what is right in every one of them."""
    tables = {None: maker.nats(2, 1), "typos": maker.nats(1, 2), "case": maker.nats(0.2, 3)}
    runs = [maker.candidate("8-shot", nats=nats, perturb=kind, metrics=["accuracy"]) for kind, nats in tables.items()]

    found = compare(runs).robustness

    (method,) = found.methods
    assert found.perturbations == ("typos", "case")
    assert method.clean.value == pytest.approx(accuracy(maker, tables[None]))
    for kind in found.perturbations:
        assert method.perturbed[kind].value == pytest.approx(accuracy(maker, tables[kind]))
    assert (method.worst, method.worst_value) == ("case", pytest.approx(accuracy(maker, tables["case"])))
    rights = [nats.argmax(axis=1) == maker.gold for nats in tables.values()]
    assert method.always == pytest.approx(np.all(rights, axis=0).mean())
    assert (found.survives, found.tau) == (None, {})


def test_perturbed_runs_are_no_methods_of_their_own(maker: Any) -> None:
    """The main table is that of the clean runs alone, with and without perturbed ones beside them."""
    clean = [maker.candidate("8-shot", 2), maker.candidate("zero-shot", 1)]
    perturbed = [maker.candidate("8-shot", 0.5, perturb="typos")]

    alone, beside = compare(clean), compare([*perturbed, *clean])

    assert beside.methods == alone.methods
    assert beside.differences == alone.differences
    assert alone.robustness is None
    assert clean_runs([*perturbed, *clean]) == clean
    assert [method.name for method in beside.robustness.methods] == ["8-shot"]


def test_it_is_said_whether_the_ranking_survives(maker: Any) -> None:
    """A perturbation under which another method leads changes the ranking; one under which all fall alike does not."""
    skills = {"8-shot": (3, 2, 0), "4-shot": (2, 1, 2), "zero-shot": (1, 0, 1)}
    runs = [
        maker.candidate(method, skill, perturb=kind, draw=7, metrics=["accuracy"])
        for method, three in skills.items()
        for kind, skill in zip((None, "case", "typos"), three, strict=True)
    ]

    found = compare(runs).robustness

    assert found.rankings["clean"] == found.rankings["case"] == ("8-shot", "4-shot", "zero-shot")
    assert found.rankings["typos"] == ("4-shot", "zero-shot", "8-shot")
    assert (found.survives, found.best_survives) == (False, False)
    assert found.tau == {"case": 1.0, "typos": pytest.approx(-1 / 3)}


def test_runs_that_are_all_perturbed_are_compared_as_they_are(maker: Any) -> None:
    """Without a clean run there is nothing to hold them against."""
    runs = [maker.candidate("8-shot", 2, perturb="case"), maker.candidate("zero-shot", 1, perturb="case")]

    found = compare(runs)

    assert [method.name for method in found.methods] == ["8-shot", "zero-shot"]
    assert found.robustness is None


def test_kendall_is_that_of_scipy() -> None:
    """For every order of four names."""
    names = tuple("abcd")
    for order in permutations(names):
        expected = kendalltau([names.index(n) for n in names], [order.index(n) for n in names]).statistic
        assert kendall(names, order) == pytest.approx(expected)
