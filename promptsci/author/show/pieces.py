"""A prompt's parts cut again where its tokens begin, for showing both at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from promptsci.author.show.parts import Part
from promptsci.prompt import Tokenizer


class Piece(NamedTuple):
    """A stretch of one part that lies in one token.

    Attributes:
        part: the number of the part.
        text: the stretch.
        token: the number of the token, counted from 0; None where no token covers it.
        ids: the token's id, where the token begins here; several for a character that takes several tokens.
    """

    part: int
    text: str
    token: int | None
    ids: tuple[int, ...]


class _Span(NamedTuple):
    start: int
    end: int
    ids: tuple[int, ...]


def pieces_of(parts: Sequence[Part], tokenizer: Tokenizer | None) -> tuple[Piece, ...]:
    """The pieces of all parts in order: together they are the text.

    Args:
        parts: of the prompt.
        tokenizer: gives the tokens; None leaves the parts whole.
    """
    text = "".join(part.text for part in parts)
    spans = _spans(text, tokenizer) if tokenizer is not None else []
    starts = [sum(len(part.text) for part in parts[:number]) for number in range(len(parts))]
    cuts = sorted({0, len(text), *starts, *(span.start for span in spans), *(span.end for span in spans)})
    pieces: list[Piece] = []
    part, token = 0, 0
    for start, end in pairwise(cuts):
        while part + 1 < len(parts) and starts[part + 1] <= start:
            part += 1
        while token < len(spans) and spans[token].end <= start:
            token += 1
        covered = token < len(spans) and spans[token].start <= start
        ids = spans[token].ids if covered and spans[token].start == start else ()
        pieces.append(Piece(part, text[start:end], token if covered else None, ids))
    return tuple(pieces)


def _spans(text: str, tokenizer: Tokenizer) -> list[_Span]:
    """The characters of each token; tokens that share a character are one span."""
    encoding = tokenizer.encode([text])[0]
    spans: list[_Span] = []
    for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        last = spans[-1] if spans else None
        if last is not None and (start < last.end or start == end):
            spans[-1] = _Span(last.start, max(last.end, end), (*last.ids, number))
        else:
            spans.append(_Span(start, end, (number,)))
    return [span for span in spans if span.start < span.end]
