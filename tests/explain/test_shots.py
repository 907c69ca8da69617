from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from promptsci.explain.shots import hidden_branches, shot_effects, shot_ends


def test_a_shot_that_was_taken_out_changes_what_scoring_without_it_changes(ask: Callable, rescored: Callable) -> None:
    """With a budget for all, each change is exact: that of scoring the prompt without the shot pair by pair."""
    asker, question, _ = ask(budget=9)

    effects = shot_effects(asker, question.shots)

    shown = asker.prompt.shots
    whole = rescored(asker, asker.prompt)
    assert [effect.how for effect in effects] == ["removed"] * 8
    for place, effect in enumerate(effects):
        without = asker.prompt.with_shots([*shown[:place], *shown[place + 1 :]])
        assert effect.change == pytest.approx(whole - rescored(asker, without), abs=2e-3)


@pytest.mark.parametrize("row", range(3))
def test_a_budget_is_kept_and_what_is_exact_is_said(row: int, ask: Callable, rescored: Callable) -> None:
    """In three times the tokens of the row and its eight shots, all are hidden and the strongest of them taken out."""
    asker, question, _ = ask(row)

    effects = shot_effects(asker, question.shots)

    assert asker.computed <= 3 * asker.once
    assert {effect.how for effect in effects} == {"removed", "hidden"}
    exact = [effect for effect in effects if effect.how == "removed"]
    assert max(abs(effect.hidden) for effect in effects) == max(abs(effect.hidden) for effect in exact)
    shown, whole = asker.prompt.shots, rescored(asker, asker.prompt)
    for effect in exact:
        without = asker.prompt.with_shots([*shown[: effect.place], *shown[effect.place + 1 :]])
        assert effect.change == pytest.approx(whole - rescored(asker, without), abs=2e-3)


@pytest.mark.parametrize("format_", ["plain", "chat", "chat-one-turn"])
def test_what_is_hidden_is_the_shot(format_: str, ask: Callable) -> None:
    """The hidden tokens, written out, hold the shot's text and its answer, and nothing of the next one."""
    asker, question, _ = ask(format=format_)
    tokenizer, ids = asker.encoder.tokenizer, asker.query.ids

    ends = shot_ends(asker)

    assert ends[-1] < len(ids)
    for place, (start, stop) in enumerate(pairwise(ends)):
        text = tokenizer.decode(ids[start:stop].tolist())
        assert question.shots[place].text in text
        assert asker.prompt.shots[place].target in text
        assert text.count("Sentence:") == 1
    assert all(branch.at >= ends[-1] for branch in hidden_branches(asker))


def test_shots_that_the_budget_does_not_reach_are_not_guessed(ask: Callable) -> None:
    """Where no token is left, a shot has no change, and says that it was not asked about."""
    asker, question, _ = ask(budget=1.0)

    effects = shot_effects(asker, question.shots)

    assert {effect.how for effect in effects} == {"not asked"}
    assert {effect.change for effect in effects} == {None}


def test_a_model_that_cannot_share_is_asked_exactly(ask: Callable, rescored: Callable) -> None:
    """Without sharing every shot is taken out in earnest, whatever it costs."""
    shared, question, _ = ask(budget=9)
    alone, _, _ = ask(budget=3, sharing=False)

    assert not alone.shares
    one = [effect.change for effect in shot_effects(shared, question.shots)]
    other = [effect.change for effect in shot_effects(alone, question.shots)]
    assert one == pytest.approx(other, abs=2e-3)
