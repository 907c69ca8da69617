from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data import Example
from promptsci.explain.words import finest, named_words, phrases, without, word_effects, words_of


def test_a_phrase_changes_what_scoring_without_it_changes(ask: Callable, rescored: Callable) -> None:
    """Every change, of phrases and of single words, is that of scoring the shorter text pair by pair."""
    asker, question, assembler = ask(budget=3)

    effects = word_effects(asker, assembler, question.example, asker.once // 2)

    whole = rescored(asker, asker.prompt)
    assert [word for effect in effects for word in effect.span] == words_of(question.example)
    for effect in [*effects, *finest(effects)]:
        shorter = replace(asker.prompt, query=assembler.query(without(question.example, effect.span)))
        assert effect.change == pytest.approx(whole - rescored(asker, shorter), abs=2e-3)


def test_phrases_are_as_short_as_the_allowance_lets_them_be(ask: Callable) -> None:
    """Much to spend asks about single words, less about phrases, none about nothing; the allowance holds."""
    found = []
    for allowance in (10_000, 100, 1):
        asker, question, assembler = ask(budget=100)
        before = asker.computed
        found.append(word_effects(asker, assembler, question.example, allowance))
        assert asker.computed - before <= allowance
    most, some, none = found
    assert max(len(effect.span) for effect in most) == 1
    assert max(len(effect.span) for effect in some) > 1
    assert none == []


def test_the_named_words_are_those_that_speak_most_for_it(ask: Callable) -> None:
    """No word that is left unnamed speaks louder than a named one, and none that speaks against is named."""
    asker, question, assembler = ask()
    effects = word_effects(asker, assembler, question.example, 10_000)

    named = named_words(effects, len(words_of(question.example)))

    others = [effect.change for effect in effects if effect not in named]
    assert named
    assert min(effect.change for effect in named) >= max(others)
    assert min(effect.change for effect in named) > 0


@given(st.lists(st.text("ab.,", min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_taking_words_away_leaves_the_others_as_they_are(parts: list[str], data: st.DataObject) -> None:
    """What is left is the text of the other words with single spaces between them."""
    example = Example("x", {"text": " ".join(parts)})
    words = words_of(example)
    gone = data.draw(st.lists(st.sampled_from(words), unique=True))

    left = without(example, gone).fields["text"]

    assert left == " ".join(word.text for word in words if word not in gone)


def test_marks_of_entities_stay() -> None:
    """The template speaks of what stands between the marks, so they are no words."""
    example = Example("x", {"text": "<< aspirin >> inhibits [[ COX-1 ]] here", "n": 3})

    assert [word.text for word in words_of(example)] == ["aspirin", "inhibits", "COX-1", "here"]
    assert without(example, words_of(example)).fields["text"] == "<< >> [[ ]]"


def test_a_phrase_ends_where_a_clause_does() -> None:
    """Commas and full stops end a phrase that could be longer; so does the end of a field."""
    example = Example("x", {"a": "one two, three four five", "b": "six"})

    found = [[word.text for word in span] for span in phrases(words_of(example), 2)]

    assert found == [["one", "two,"], ["three", "four"], ["five"], ["six"]]
