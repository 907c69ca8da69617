from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from promptsci.data import Example
from promptsci.explain.faithful import DRAWS, Faithful, check, deletions
from promptsci.explain.words import WordEffect, without, word_effects, words_of

TEN = Example("row-7", {"text": "one two three four five six seven eight nine ten"})


def named(*numbers: int) -> list[WordEffect]:
    """Single words of the ten, by number."""
    words = words_of(TEN)
    return [WordEffect((words[number],), 1.0) for number in numbers]


def test_random_words_are_as_many_and_depend_on_seed_and_row() -> None:
    """Each draw has as many different words as were named; another seed or row draws others, the same one the same."""
    gone, *draws = deletions(TEN, named(1, 4), seed=0)

    assert [word.text for word in gone] == ["two", "five"]
    assert [len(set(draw)) for draw in draws] == [2] * DRAWS
    assert deletions(TEN, named(1, 4), seed=0)[1:] == draws
    assert deletions(TEN, named(1, 4), seed=1)[1:] != draws
    assert deletions(replace(TEN, id="row-8"), named(1, 4), seed=0)[1:] != draws


def test_nothing_is_drawn_where_all_words_or_none_are_named() -> None:
    """There is nothing to compare with."""
    assert deletions(TEN, named(*range(10)), seed=0) == []
    assert deletions(TEN, [], seed=0) == []


@pytest.mark.parametrize(
    ("found", "drawn", "holds"),
    [(2.0, (1.0, -1.0, 0.5), True), (-2.0, (1.0, 1.0, 1.0), True), (1.0, (1.0, 1.0, 1.0), False), (0.5, (0, 2), False)],
)
def test_named_words_must_move_more_than_random_ones_on_average(found: float, drawn: tuple, holds: bool) -> None:
    """The size of the move counts, not its direction; as much is not more."""
    assert Faithful(found, drawn).holds is holds


def test_the_check_rescores_the_text_without_the_named_words(ask: Callable, rescored: Callable) -> None:
    """The change without all named words at once is that of scoring the shorter text pair by pair."""
    asker, question, assembler = ask(budget=9)
    effects = word_effects(asker, assembler, question.example, 10_000)
    chosen = sorted(effects, key=lambda one: -one.change)[:2]

    found = check(asker, assembler, question.example, chosen, seed=0)

    gone = [word for effect in chosen for word in effect.span]
    shorter = replace(asker.prompt, query=assembler.query(without(question.example, gone)))
    assert found.named == pytest.approx(rescored(asker, asker.prompt) - rescored(asker, shorter), abs=2e-3)
