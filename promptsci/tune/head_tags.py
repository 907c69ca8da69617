"""Spans as BIO2 tags of words, and back: the words of a text, the piece that speaks for each, the best sound tags.

A word is a run of letters, digits and underscores, or one other character that is no white space. It is tagged by one
of the pieces that a tokenizer makes of it; words that share that piece are one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from promptsci.data.spans import Span
from promptsci.score.outcomes import FloatArray

WORD = re.compile(r"\w+|[^\w\s]")
OUTSIDE = 0
Word = tuple[int, int]
"""The first character of a word, and the one behind its last."""


def tag_names(types: Sequence[str]) -> tuple[str, ...]:
    """The tags: outside, then for each type the beginning and the inside of a span."""
    return ("O", *(f"{mark}-{name}" for name in types for mark in "BI"))


def words_of(text: str) -> list[Word]:
    """The words of a text, in their order."""
    return [match.span() for match in WORD.finditer(text)]


def tagged(words: Sequence[Word], spans: Sequence[Span], types: Sequence[str]) -> list[int]:
    """The tag of each word [W]; of spans that overlap, the one that begins first and then the longest is kept."""
    tags = [OUTSIDE] * len(words)
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        mine = [at for at, (start, stop) in enumerate(words) if start < span.end and span.start < stop]
        if span.start < end or not mine or any(tags[at] for at in mine):
            continue
        end = span.end
        for place, at in enumerate(mine):
            tags[at] = 1 + 2 * types.index(span.type) + (place > 0)
    return tags


def spans_of(words: Sequence[Word], tags: Sequence[int], types: Sequence[str]) -> tuple[Span, ...]:
    """The spans of sound tags, by place."""
    found: list[Span] = []
    for (start, end), tag in zip(words, tags, strict=True):
        if tag == OUTSIDE:
            continue
        if tag % 2:
            found.append(Span(start, end, types[(tag - 1) // 2]))
        else:
            found[-1] = found[-1]._replace(end=end)
    return tuple(found)


def best_tags(log_probs: FloatArray) -> list[int]:
    """The most probable tags [W] of log-probabilities [W, C] among those in which an inside follows its own type.

    Source: Viterbi 1967, with transitions that are possible or not.
    """
    if not len(log_probs):
        return []
    n_tags = log_probs.shape[1]
    before, after = np.arange(n_tags)[:, None], np.arange(n_tags)[None, :]
    inside = (after > OUTSIDE) & (after % 2 == 0)
    allowed = ~inside | (before == after) | (before == after - 1)
    steps = np.where(allowed, 0.0, -np.inf)
    scores = np.where(inside[0], -np.inf, log_probs[0])
    back: list[list[int]] = []
    for row in log_probs[1:]:
        ways = scores[:, None] + steps
        back.append(ways.argmax(axis=0).tolist())
        scores = ways.max(axis=0) + row
    tags = [int(scores.argmax())]
    for came_from in reversed(back):
        tags.append(came_from[tags[-1]])
    return tags[::-1]


def speakers(words: Sequence[Word], offsets: Sequence[Word], *, last: bool) -> tuple[list[Word], list[int]]:
    """The words that a window of pieces holds, and the piece that speaks for each, as numbers in the window.

    Args:
        words: of the whole text.
        offsets: [T] the characters of each piece; special tokens have none.
        last: whether a word's last piece speaks for it, as it is the first that a decoder has read all of the word by.
    """
    pieces = [at for at, (start, end) in enumerate(offsets) if start < end]
    held: list[Word] = []
    speaking: list[int] = []
    first = 0
    for start, end in words:
        while first < len(pieces) and offsets[pieces[first]][1] <= start:
            first += 1
        behind = first
        while behind < len(pieces) and offsets[pieces[behind]][0] < end:
            behind += 1
        if behind == first:
            continue
        piece = pieces[behind - 1 if last else first]
        if speaking and speaking[-1] == piece:
            held[-1] = (held[-1][0], end)
        else:
            held.append((start, end))
            speaking.append(piece)
    return held, speaking
