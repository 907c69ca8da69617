"""Claims about how runs become methods."""

from __future__ import annotations

from typing import Any

from promptsci.compare.grouping import group_runs, pair_runs


def _names(groups: Any) -> list[str]:
    return [group.name for group in groups]


def test_seeds_and_wordings_are_one_method(maker: Any) -> None:
    """Runs that differ in seed, shot set or wording only are one row; another method is another."""
    runs = [
        maker.candidate("8-shot", seed=seed, template=f"v/{word}") for seed in (0, 1) for word in ("plain", "terse")
    ]
    groups, notes = group_runs([*runs, maker.candidate("zero-shot")])
    assert _names(groups) == ["8-shot", "zero-shot"]
    assert groups[0].runs == (0, 1, 2, 3)
    assert notes == []


def test_names_say_what_tells_methods_apart(maker: Any) -> None:
    """The same method with another model, format or choice of shots is another row, named by the difference alone."""
    groups, _ = group_runs(
        [
            maker.candidate("8-shot"),
            maker.candidate("8-shot", model="large"),
            maker.candidate("zero-shot", model="large"),
        ]
    )
    assert _names(groups) == ["8-shot (tiny)", "8-shot (large)", "zero-shot"]
    groups, _ = group_runs([maker.candidate("8-shot", choose="random"), maker.candidate("8-shot", format="chat")])
    assert _names(groups) == ["8-shot (random, plain)", "8-shot (balanced, chat)"]
    trained = [maker.candidate("lora", training={"examples": n, "objective": "choice", "epochs": 3}) for n in (32, 128)]
    assert _names(group_runs(trained)[0]) == ["lora (32 examples)", "lora (128 examples)"]


def test_each_run_may_be_a_row(maker: Any) -> None:
    """Asked for, every run is a row, named by its wording and seed."""
    runs = [maker.candidate("8-shot", seed=0), maker.candidate("8-shot", seed=1)]
    groups, _ = group_runs(runs, each=True)
    assert _names(groups) == ["8-shot (seed 0)", "8-shot (seed 1)"]


def test_of_equal_runs_the_newer_counts_and_it_is_said(maker: Any) -> None:
    """The same method, wording and seed twice: the last one stands, and a note names both."""
    groups, notes = group_runs([maker.candidate(draw=1), maker.candidate(draw=2)])
    assert groups[0].runs == (1,)
    assert "00000001" in notes[0]
    assert "00000002" in notes[0]


def test_a_seed_that_decides_nothing_makes_no_runs(maker: Any) -> None:
    """Zero-shot and nearest shots are the same for every seed: three of them are one run, not a spread of three."""
    zero = [maker.candidate("zero-shot", draw=1, seed=seed) for seed in (0, 1, 2)]
    near = [maker.candidate("8-shot-similar", draw=1, choose="similar", seed=seed) for seed in (0, 1)]
    groups, notes = group_runs([*zero, *near])
    assert [len(group.runs) for group in groups] == [1, 1]
    assert len(notes) == 3


def test_pairing(maker: Any) -> None:
    """Equal seeds and wordings are paired one to one in whatever order; else every run with every run."""
    eight = [maker.candidate("8-shot", seed=seed) for seed in (0, 1)]
    lora = [maker.candidate("lora", seed=seed, training={"examples": 30}) for seed in (1, 0)]
    zero = [maker.candidate("zero-shot")]
    a, b, c = group_runs([*eight, *lora, *zero])[0]
    assert pair_runs(a, b) == ("same seed and wording", [(0, 3), (1, 2)])
    assert pair_runs(a, c) == ("every run with every run", [(0, 4), (1, 4)])
    assert pair_runs(c, c)[0] == "one run each"
