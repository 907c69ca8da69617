"""Which words did it: the example without some of its words, asked again.

Words are taken out of the fields of the example, and the prompt is made anew: what is scored is a prompt that ``run``
would have made of the shorter text, not one with holes in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from promptsci.data import Example
from promptsci.explain.reading import Asker, cost
from promptsci.lm.branch import Branch
from promptsci.prompt import Assembler

WORD = re.compile(r"\S+")
MARKS = ("[[", "]]", "<<", ">>")
"""What tasks mark entities by; a template says what stands between them, so they stay."""
ENDS = (".", ",", ";", ":", "?", "!", ")")
"""A phrase of half its size or more does not reach beyond a word that ends so."""

NAMED_SHARE = 5
"""One word of so many is named."""


class Word(NamedTuple):
    """A word of a text field, by its place."""

    field: str
    start: int
    stop: int
    text: str


Span = tuple[Word, ...]
"""Words that are taken away together."""


def words_of(example: Example) -> list[Word]:
    """The words of the text fields of an example, in their order; marks of entities are none."""
    return [
        Word(name, match.start(), match.end(), match.group())
        for name, value in example.fields.items()
        if isinstance(value, str)
        for match in WORD.finditer(value)
        if not any(mark in match.group() for mark in MARKS)
    ]


def without(example: Example, gone: Sequence[Word]) -> Example:
    """The example without some of its words, and without one of the spaces round each."""
    by_field: dict[str, list[Word]] = {}
    for word in gone:
        by_field.setdefault(word.field, []).append(word)
    fields = {
        name: _cut(value, by_field[name]) if name in by_field else value for name, value in example.fields.items()
    }
    return replace(example, fields=fields)


def _cut(text: str, gone: Sequence[Word]) -> str:
    for word in sorted(gone, key=lambda one: one.start, reverse=True):
        before, after = text[: word.start], text[word.stop :]
        if before.endswith(" "):
            before = before[:-1]
        elif not before:
            after = after.removeprefix(" ")
        text = before + after
    return text


def phrases(words: Sequence[Word], size: int) -> list[Span]:
    """The words in runs of at most ``size``, which end where a field does, or a clause from half of them on."""
    found: list[list[Word]] = []
    for word in words:
        last = found[-1] if found else []
        # Half a phrase at least: where most words end a clause, phrases would else stay short whatever their size.
        ends = last and last[-1].text.endswith(ENDS) and 2 * len(last) >= size
        goes_on = last and len(last) < size and last[-1].field == word.field and not ends
        if goes_on:
            last.append(word)
        else:
            found.append([word])
    return [tuple(part) for part in found]


def phrase_text(span: Span, fields: Mapping[str, object]) -> str:
    """A phrase as it stands in the text, with what stands between its words."""
    return str(fields[span[0].field])[span[0].start : span[-1].stop]


def sizes(n_words: int) -> Iterator[int]:
    """Lengths of phrases to try, from single words on."""
    size = 1
    while size < n_words:
        yield size
        size += max(1, size // 2)


@dataclass(frozen=True)
class WordEffect:
    """What taking a phrase away does.

    Attributes:
        span: its words.
        change: how much the log-odds fall without it, in nats: above 0 it speaks for the choice.
        parts: the same for its single words, where the budget allowed to ask.
    """

    span: Span
    change: float
    parts: tuple[WordEffect, ...] = ()


def word_effects(asker: Asker, assembler: Assembler, example: Example, allowance: int) -> list[WordEffect]:
    """What taking each phrase of an example away does; none where even the longest phrases cost too much.

    Phrases are as short as the allowance of tokens lets them be. What is left of it goes to the single words of the
    phrases that speak most for the choice.
    """
    words = words_of(example)
    for size in sizes(len(words)):
        spans = phrases(words, size)
        branches = word_branches(asker, assembler, example, spans)
        if cost(branches) <= allowance:
            break
    else:
        return []
    allowance -= cost(branches)
    effects = [WordEffect(span, change) for span, change in zip(spans, asker.changes(branches), strict=True)]
    for number in sorted(range(len(effects)), key=lambda place: -effects[place].change):
        singles = [(word,) for word in effects[number].span]
        inside = word_branches(asker, assembler, example, singles) if len(singles) > 1 else []
        if inside and effects[number].change > 0 and cost(inside) <= allowance:
            allowance -= cost(inside)
            parts = zip(singles, asker.changes(inside), strict=True)
            effects[number] = replace(effects[number], parts=tuple(WordEffect(*part) for part in parts))
    return effects


def word_branches(asker: Asker, assembler: Assembler, example: Example, spans: Sequence[Span]) -> list[Branch]:
    """The prompt of the example without each span."""
    return asker.branches([replace(asker.prompt, query=assembler.query(without(example, span))) for span in spans])


def finest(effects: Sequence[WordEffect]) -> list[WordEffect]:
    """The effects of single words where they were asked for, and of phrases elsewhere."""
    return [part for effect in effects for part in effect.parts or (effect,)]


def named_words(effects: Sequence[WordEffect], n_words: int) -> tuple[WordEffect, ...]:
    """The words that are said to have done it: those that speak most for the choice, a fifth of all words or one span.

    None where no word speaks for it.
    """
    wanted = -(-n_words // NAMED_SHARE)
    found: list[WordEffect] = []
    for effect in sorted(finest(effects), key=lambda one: -one.change):
        if effect.change <= 0 or (found and sum(len(one.span) for one in found) + len(effect.span) > wanted):
            break
        found.append(effect)
    return tuple(found)
