"""Claims about where spread comes from; scores simulated with known effects are the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.compare.variance import _between, variance
from promptsci.errors import SpecError


def _crossed(rng: Any, wordings: int, seeds: int, sd: tuple[float, float], n: int) -> tuple[Any, Any, Any]:
    """Accuracies of crossed runs on n shared rows: effects of wording and seed, and the luck of rows.

    Returns:
        Keys, observed [R], and values on resampled rows [200, R].
    """
    keys = [(w, s) for w in range(wordings) for s in range(seeds)]
    effect_w, effect_s = rng.normal(scale=sd[0], size=wordings), rng.normal(scale=sd[1], size=seeds)
    share = np.clip([0.6 + effect_w[w] + effect_s[s] for w, s in keys], 0.05, 0.95)
    right = rng.random((len(keys), n)) < share[:, None]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=200)
    return keys, right.mean(1), weights @ right.T / n


@pytest.mark.parametrize("sd", [(0.08, 0.03), (0.0, 0.06), (0.0, 0.0)])
def test_finds_the_variances_that_were_put_in(sd: tuple[float, float]) -> None:
    """Over 150 simulated studies the mean variance by wording and by seed is the simulated one, rows taken off."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(150):
        keys, observed, drawn = _crossed(rng, 5, 5, sd, 150)
        wordings, seeds = zip(*keys, strict=True)
        found.append([_between(wordings, seeds, observed, drawn)[0], _between(seeds, wordings, observed, drawn)[0]])
    noise = 0.24 / 150  # of one run; a variance that cannot be below 0 is a little too high where there is none
    np.testing.assert_allclose(np.mean(found, 0), np.square(sd), rtol=0.25, atol=0.25 * noise)


def _runs(maker: Any) -> list[Any]:
    """8-shot: three wordings of very different worth at two seeds. zero-shot: one run."""
    worth = {"plain": 2.5, "terse": 1.2, "curt": 0.1}
    eight = [
        maker.candidate("8-shot", skill, seed=seed, template=f"verdicts/{word}", draw=seed)
        for word, skill in worth.items()
        for seed in (0, 1)
    ]
    return [*eight, maker.candidate("zero-shot")]


def test_names_the_largest_source_and_what_to_add(make_maker: Any) -> None:
    """Wordings of very different worth dominate; shares add up to one; advice says which runs to add."""
    found = variance(_runs(make_maker(300)))
    eight = next(method for method in found["methods"] if method["name"] == "8-shot")
    parts = {part["source"]: part for part in eight["parts"]}
    assert (eight["runs"], parts["wording"]["levels"], parts["wording"]["freedom"]) == (6, 3, 4)
    assert (parts["seed"]["levels"], parts["seed"]["freedom"]) == (2, 3)
    assert parts["wording"]["share"] > 0.6
    assert sum(part["share"] for part in parts.values()) == pytest.approx(1)
    assert "more wordings" in eight["advice"][-1]


def test_too_few_runs_are_said(maker: Any) -> None:
    """With one run nothing is known of wordings; a zero-shot run has no seed to speak of; test rows are known."""
    found = variance(_runs(maker))
    zero = next(method for method in found["methods"] if method["name"] == "zero-shot")
    parts = {part["source"]: part for part in zero["parts"]}
    assert set(parts) == {"wording", "test rows"}
    assert (parts["wording"]["sd"], parts["wording"]["share"]) == (None, None)
    assert parts["test rows"]["share"] == 1
    assert "wording is not known: add more wordings (template=all)" in zero["advice"]


def test_a_single_seed_of_shots_is_not_known(maker: Any) -> None:
    """Shots are drawn by a seed: with one seed its part is not known, and more seeds are asked for."""
    found = variance([maker.candidate("8-shot")])["methods"][0]
    assert {part["source"] for part in found["parts"] if part["sd"] is None} == {"wording", "seed"}
    assert any("--seeds" in line for line in found["advice"])


def test_rows_that_are_all_alike_have_no_spread(maker: Any) -> None:
    """Runs that answer alike have no variance by wording or seed, and nothing divides by zero."""
    runs = [maker.candidate("8-shot", draw=1, seed=s, template=f"verdicts/{w}") for s in (0, 1) for w in ("a", "b")]
    parts = {part["source"]: part for part in variance(runs)["methods"][0]["parts"]}
    assert (parts["wording"]["sd"], parts["seed"]["sd"]) == (0, 0)
    assert parts["test rows"]["share"] == 1


def test_an_unknown_metric_is_answered(maker: Any) -> None:
    """The nearest spelling is given."""
    with pytest.raises(SpecError, match="Did you mean 'accuracy'"):
        variance([maker.candidate()], metric="acuracy")
