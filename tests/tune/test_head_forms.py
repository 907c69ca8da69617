from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from promptsci.data.spans import Span
from promptsci.score import Facts
from promptsci.tune.head_forms import _FORMS, head_form
from promptsci.tune.head_loss import IGNORED
from promptsci.tune.head_tags import words_of
from promptsci.tune.head_tokens import HeadTokens

FACTS = Facts("spans", ("Disease", "Drug"))
LONG = "Mice with " + "asthma and heart failure , not gout , were given aspirin . " * 12


def spans_in(text: str) -> tuple[Span, ...]:
    """Every mention of two diseases and a drug."""
    found = []
    for words, name in (("asthma", "Disease"), ("heart failure", "Disease"), ("aspirin", "Drug")):
        at = text.find(words)
        while at >= 0:
            found.append(Span(at, at + len(words), name))
            at = text.find(words, at + 1)
    return tuple(sorted(found))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("limit", [24, 512])
def test_what_is_learned_is_what_is_answered(tiny_encoder_folder: Path, limit: int, causal: bool) -> None:
    """A layer whose outputs are the targets answers the very spans, in one window or in many that overlap."""
    texts = [LONG, "Nothing here.", "gout asthma", ""]
    golds = [spans_in(text) for text in texts]
    form = head_form(FACTS, causal=causal)
    tokens = HeadTokens(tiny_encoder_folder, limit, in_windows=True)
    pieces = tokens.read(texts)
    outputs = []
    for targets in form.targets(pieces, texts, golds):
        each = np.zeros((len(targets), len(form.outputs)))
        for at, target in enumerate(targets):
            if target != IGNORED:
                each[at, target] = 9.0
        outputs.append(each)
    answers = [[Span(*span) for span in one["answer"]] for one in form.answers(pieces, texts, outputs)]

    assert answers == [list(gold) for gold in golds]
    assert len(answers[0]) == 36
    assert (len(pieces) > len(texts)) == (limit == 24)
    assert tokens.n_long == (limit == 24)
    assert all(len(piece.ids) <= limit for piece in pieces)


def test_windows_lose_no_word(tiny_encoder_folder: Path) -> None:
    """Every word of a long text stands in some window, and windows share a quarter of their tokens."""
    tokens = HeadTokens(tiny_encoder_folder, 20, in_windows=True)
    pieces = tokens.read([LONG])
    covered = {at for piece in pieces for start, end in piece.offsets for at in range(start, end)}

    assert tokens.overlap == 5
    assert all(set(range(start, end)) <= covered for start, end in words_of(LONG))
    for one, other in pairwise(pieces):
        assert one.ids[-5:] == other.ids[:5]


def test_spans_that_cannot_be_learned_are_counted() -> None:
    """Those that overlap another or end inside a word are said, once each."""
    form = head_form(FACTS, causal=False)
    text = "heart failure"
    whole, part, inside = Span(0, 13, "Disease"), Span(0, 5, "Drug"), Span(6, 9, "Drug")

    assert form.notes([text], [(whole,)]) == []
    assert form.notes([text, text], [(part, whole), (inside,)])[0].startswith("2 spans of train")


def test_answers_are_what_the_evaluator_reads() -> None:
    """Log-probabilities of labels, of yes and no, and a number within the range."""
    label = head_form(Facts("label", ("a", "b")), causal=False)
    several = head_form(Facts("labels", ("a", "b")), causal=False)
    relevant = head_form(Facts("relevance", ("yes", "no")), causal=False)
    number = head_form(Facts("number", low=-2.0, high=8.0), causal=False)
    half = [-0.693147]

    assert label.answers([], [], [np.zeros(2)]) == [{"nats": {"a": half, "b": half}}]
    assert several.answers([], [], [np.array([0.0, 800.0])])[0]["nats"] == {
        "a: yes": half, "a: no": half, "b: yes": [-0.0], "b: no": [-800.0],
    }  # fmt: skip
    assert relevant.answers([], [], [np.zeros(1)]) == [{"nats": {"yes": half, "no": half}}]
    assert [number.answers([], [], [np.array([at])])[0]["answer"] for at in (-1.0, 0.25, 2.0)] == [-2.0, 0.5, 8.0]


@pytest.mark.parametrize(
    ("facts", "gold", "target"),
    [
        (Facts("label", ("a", "b")), "b", 1),
        (Facts("labels", ("a", "b", "c")), ("a", "c"), [1.0, 0.0, 1.0]),
        (Facts("relevance", ("yes", "no")), "no", [0.0]),
        (Facts("number", low=-2.0, high=8.0), 0.5, 0.25),
    ],
)
def test_targets_of_whole_texts(facts: Facts, gold: object, target: object, tiny_encoder_folder: Path) -> None:
    """The right answer as numbers of the layer."""
    form = head_form(facts, causal=False)

    assert form.targets(HeadTokens(tiny_encoder_folder, 64).read(["x"]), ["x"], [gold]) == [target]
    assert set(_FORMS) == {"label", "labels", "relevance", "number", "spans"}
