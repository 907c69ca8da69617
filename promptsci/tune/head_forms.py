"""What a head learns and answers in each form of answer: the one place that maps forms to their part of a head.

form        outputs of the layer         learned by                              answer
label       one a label                  cross-entropy                           log-probabilities of the labels
labels      one a label                  binary cross-entropy                    log-probabilities of yes and no
relevance   one                          binary cross-entropy                    log-probabilities of yes and no
number      one, 0 to 1 for the range    squared error                           a number within the range
spans       one a BIO2 tag, each word    cross-entropy of the words that count   the spans of the best sound tags
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from promptsci.data.spans import Span
from promptsci.score import Facts
from promptsci.score.decide import normalise
from promptsci.score.outcomes import FloatArray
from promptsci.spec import RELEVANT
from promptsci.spec.forms import said_of
from promptsci.tune.classifier import Answer
from promptsci.tune.head_loss import IGNORED
from promptsci.tune.head_tags import best_tags, spans_of, speakers, tag_names, tagged, words_of
from promptsci.tune.head_tokens import Piece


class HeadForm(Protocol):
    """How a head learns and answers.

    Attributes:
        outputs: what the layer's outputs stand for.
        loss: the name of what is made small.
        each_token: whether every token has outputs, and long texts are read in windows.
    """

    outputs: tuple[str, ...]
    loss: str
    each_token: bool

    def targets(self, pieces: Sequence[Piece], texts: Sequence[str], golds: Sequence[Any]) -> list[Any]:
        """What each piece is to answer: a number, a list of them, or one for each of its tokens."""
        ...

    def answers(self, pieces: Sequence[Piece], texts: Sequence[str], outputs: Sequence[FloatArray]) -> list[Answer]:
        """The answer about each text, from the layer's outputs for each piece."""
        ...

    def notes(self, texts: Sequence[str], golds: Sequence[Any]) -> list[str]:
        """What the result must say of what is learned."""
        ...


class _WholeText:
    """One answer about a text as a whole."""

    each_token = False

    def targets(self, pieces: Sequence[Piece], texts: Sequence[str], golds: Sequence[Any]) -> list[Any]:  # noqa: ARG002
        """The target of each text."""
        return [self.target(golds[piece.text]) for piece in pieces]

    def answers(
        self,
        pieces: Sequence[Piece],  # noqa: ARG002 - the protocol's shape
        texts: Sequence[str],  # noqa: ARG002
        outputs: Sequence[FloatArray],
    ) -> list[Answer]:
        """The answer about each text."""
        return [self.answer(one) for one in outputs]

    def notes(self, texts: Sequence[str], golds: Sequence[Any]) -> list[str]:  # noqa: ARG002
        """Nothing."""
        return []

    def target(self, gold: Any) -> Any:
        raise NotImplementedError

    def answer(self, outputs: FloatArray) -> Answer:
        raise NotImplementedError


class OneLabel(_WholeText):
    """One label of a fixed set."""

    loss = "label"

    def __init__(self, facts: Facts, causal: bool) -> None:  # noqa: ARG002 - the same for all
        self.outputs = facts.labels

    def target(self, gold: str) -> int:
        """The label's place."""
        return self.outputs.index(gold)

    def answer(self, outputs: FloatArray) -> Answer:
        """Log-probabilities of the labels."""
        return {"nats": _rounded(zip(self.outputs, normalise(outputs).tolist(), strict=True))}


class SeveralLabels(_WholeText):
    """Any number of labels, each by itself."""

    loss = "labels"

    def __init__(self, facts: Facts, causal: bool) -> None:  # noqa: ARG002 - the same for all
        self.outputs = facts.labels

    def target(self, gold: Sequence[str]) -> list[float]:
        """One for each label that is right."""
        return [float(label in gold) for label in self.outputs]

    def answer(self, outputs: FloatArray) -> Answer:
        """Log-probabilities of yes and no for each label."""
        pairs = zip(self.outputs, outputs.tolist(), strict=True)
        return {"nats": _rounded((said_of(label, said), nats) for label, odds in pairs for said, nats in _said(odds))}


class Relevant(_WholeText):
    """Whether a document is relevant to a query."""

    loss = "labels"
    outputs: tuple[str, ...] = RELEVANT[:1]

    def __init__(self, facts: Facts, causal: bool) -> None:
        pass

    def target(self, gold: str) -> list[float]:
        """One where it is."""
        return [float(gold == RELEVANT[0])]

    def answer(self, outputs: FloatArray) -> Answer:
        """Log-probabilities of yes and no."""
        return {"nats": _rounded(_said(float(outputs[0])))}


class NumberInRange(_WholeText):
    """A number within a range, which the layer sees as 0 to 1; what lies outside is answered as the nearest end."""

    loss = "number"
    outputs: tuple[str, ...] = ("number",)

    def __init__(self, facts: Facts, causal: bool) -> None:  # noqa: ARG002 - the same for all
        self.low, self.span = facts.low, facts.high - facts.low

    def target(self, gold: float) -> float:
        """The number's place in the range."""
        return (gold - self.low) / self.span

    def answer(self, outputs: FloatArray) -> Answer:
        """The number."""
        return {"answer": round(self.low + self.span * min(max(float(outputs[0]), 0.0), 1.0), 6)}


class TaggedWords:
    """Typed spans, by a tag for each word."""

    loss = "spans"
    each_token = True

    def __init__(self, facts: Facts, causal: bool) -> None:
        self.types = facts.labels
        self.outputs = tag_names(facts.labels)
        self.last = causal

    def targets(self, pieces: Sequence[Piece], texts: Sequence[str], golds: Sequence[Any]) -> list[list[int]]:
        """The tag of each word at the piece that speaks for it; other pieces do not count."""
        words = [words_of(text) for text in texts]
        # Of the whole text: a window may begin inside a span.
        tags = [
            {start: tag for (start, _), tag in zip(mine, tagged(mine, gold, self.types), strict=True)}
            for mine, gold in zip(words, golds, strict=True)
        ]
        found = []
        for piece in pieces:
            held, speaking = speakers(words[piece.text], piece.offsets, last=self.last)
            targets = [IGNORED] * len(piece.ids)
            for at, (start, _) in zip(speaking, held, strict=True):
                targets[at] = tags[piece.text][start]
            found.append(targets)
        return found

    def answers(self, pieces: Sequence[Piece], texts: Sequence[str], outputs: Sequence[FloatArray]) -> list[Answer]:
        """The spans of each text; a word that several windows hold is read in the one whose ends are farthest."""
        read: list[dict[tuple[int, int], tuple[int, FloatArray]]] = [{} for _ in texts]
        for piece, each in zip(pieces, outputs, strict=True):
            words, speaking = speakers(words_of(texts[piece.text]), piece.offsets, last=self.last)
            for word, at in zip(words, speaking, strict=True):
                room = min(at, len(piece.ids) - 1 - at)
                if room > read[piece.text].get(word, (-1,))[0]:
                    read[piece.text][word] = room, normalise(each[at])
        return [{"answer": self._spans(words)} for words in read]

    def _spans(self, words: Mapping[tuple[int, int], tuple[int, FloatArray]]) -> list[list[Any]]:
        places = sorted(words)
        tags = best_tags(np.array([words[place][1] for place in places]).reshape(-1, len(self.outputs)))
        return [list(span) for span in spans_of(places, tags, self.types)]

    def notes(self, texts: Sequence[str], golds: Sequence[Sequence[Span]]) -> list[str]:
        """How many spans tags of words cannot say: those that overlap another, or begin or end inside a word."""
        n = 0
        for text, gold in zip(texts, golds, strict=True):
            words = words_of(text)
            n += len({*gold} - {*spans_of(words, tagged(words, gold, self.types), self.types)})
        return [f"{n} spans of train overlap another or end inside a word, which tags of words cannot say"] * (n > 0)


def _said(odds: float) -> list[tuple[str, float]]:
    """Log-probabilities of yes and no from the log-odds of yes."""
    return [(RELEVANT[0], -float(np.logaddexp(0.0, -odds))), (RELEVANT[1], -float(np.logaddexp(0.0, odds)))]


def _rounded(nats: Any) -> dict[str, list[float]]:
    return {name: [round(float(value), 6)] for name, value in nats}


_FORMS: Mapping[str, Callable[[Facts, bool], HeadForm]] = {
    "label": OneLabel,
    "labels": SeveralLabels,
    "relevance": Relevant,
    "number": NumberInRange,
    "spans": TaggedWords,
}


def head_form(facts: Facts, *, causal: bool) -> HeadForm:
    """How a head learns and answers in a task's form, on a body that reads on in one direction or sees all at once."""
    return _FORMS[facts.form](facts, causal)
