from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data.spans import Span
from promptsci.tune.head_tags import best_tags, spans_of, speakers, tag_names, tagged, words_of

TYPES = ("A", "B")


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    """A text of words, and spans that begin and end with words and do not overlap."""
    text = draw(st.text(alphabet="ab-. ", min_size=1, max_size=30))
    words = words_of(text)
    spans, at = [], 0
    while at < len(words):
        n = draw(st.integers(0, 3))
        if n:
            last = min(at + n, len(words)) - 1
            spans.append(Span(words[at][0], words[last][1], draw(st.sampled_from(TYPES))))
            at = last
        at += 1
    return text, spans


@given(texts_with_spans())
def test_spans_of_words_come_back_from_their_tags(drawn: tuple[str, list[Span]]) -> None:
    """Spans become BIO2 tags and the same spans again, neighbours of one type apart."""
    text, spans = drawn
    words = words_of(text)

    assert list(spans_of(words, tagged(words, spans, TYPES), TYPES)) == spans


def test_the_tags_are_seqevals() -> None:
    """The spans are those that seqeval reads off the names of the tags."""
    from seqeval.metrics.sequence_labeling import get_entities

    rng = np.random.default_rng(0)
    names = tag_names(TYPES)
    words = [(3 * i, 3 * i + 2) for i in range(12)]
    for _ in range(50):
        tags = best_tags(np.log(rng.dirichlet(np.ones(len(names)), 12)))
        ours = [(span.type, words.index((span.start, span.start + 2)), (span.end - 2) // 3)
                for span in spans_of(words, tags, TYPES)]  # fmt: skip
        assert ours == get_entities([names[tag] for tag in tags])


def test_the_best_tags_are_the_best_of_all_sound_ones() -> None:
    """No sequence in which an inside follows its own type is more probable; found by trying all."""
    rng = np.random.default_rng(1)
    names = tag_names(TYPES)

    def sound(tags: tuple[int, ...]) -> bool:
        pairs = zip((0, *tags), tags, strict=False)
        return all(tag == 0 or tag % 2 or before in (tag, tag - 1) for before, tag in pairs)

    for _ in range(20):
        log_probs = np.log(rng.dirichlet(np.full(len(names), 0.5), 4))
        best = max(
            (tags for tags in itertools.product(range(len(names)), repeat=4) if sound(tags)),
            key=lambda tags: sum(log_probs[at, tag] for at, tag in enumerate(tags)),
        )
        assert best_tags(log_probs) == list(best)
    assert best_tags(np.empty((0, 5))) == []


def test_spans_that_tags_cannot_say_are_left_out() -> None:
    """Of spans that overlap, the first and longest is tagged; one inside a word takes the whole word."""
    words = words_of("tumour necrosis factor alpha")
    overlapping = [Span(0, 22, "A"), Span(7, 15, "B"), Span(23, 25, "B")]

    assert words == [(0, 6), (7, 15), (16, 22), (23, 28)]
    assert spans_of(words, tagged(words, overlapping, TYPES), TYPES) == (Span(0, 22, "A"), Span(23, 28, "B"))


@pytest.mark.parametrize(("last", "expected"), [(False, [1, 3, 4]), (True, [2, 3, 5])])
def test_one_piece_speaks_for_a_word(last: bool, expected: list[int]) -> None:
    """Its first piece, or its last; special tokens are none, and words that one piece holds are one."""
    words = words_of("cancer of ...")
    offsets = [(0, 0), (0, 3), (3, 6), (6, 9), (9, 11), (11, 13), (0, 0)]
    held, speaking = speakers(words, offsets, last=last)

    assert speaking[:2] == expected[:2]
    assert held[:2] == [(0, 6), (7, 9)]
    assert len(set(speaking)) == len(speaking)
    assert held[-1][1] == 13
