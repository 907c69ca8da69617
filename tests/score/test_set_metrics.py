from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.score.answered import Answered
from promptsci.score.set_metrics import (
    class_scores,
    counts_of,
    multilabel_metrics,
    record_metrics,
    span_metrics,
    typed_spans,
)

LABELS = ("a", "b", "c")


def rows(gold: list[Any], answers: list[Any]) -> Answered:
    """Rows with these right answers and these answers."""
    ids = tuple(f"r{i}" for i in range(len(gold)))
    return Answered(ids, tuple(gold), tuple(answers), np.zeros(len(gold), dtype=np.bool_))


def value(metrics: Any, name: str, found: Answered) -> float:
    """The value of one of the metrics."""
    return next(metric for metric in metrics if metric.name == name).point(found)


def bio2(tags: list[str]) -> list[list[Any]]:
    """Spans of BIO2 tags whose tokens are one character wide."""
    spans: list[list[Any]] = []
    for place, tag in enumerate(tags):
        if tag.startswith("B-"):
            spans.append([2 * place, 2 * place + 1, tag[2:]])
        elif tag.startswith("I-"):
            spans[-1][1] = 2 * place + 1
    return spans


def random_tags(rng: random.Random, length: int) -> list[str]:
    """Tags of random spans."""
    tags: list[str] = []
    while len(tags) < length:
        kind = rng.choice(["O", "O", *LABELS])
        tags += ["O"] if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * rng.randrange(3)]
    return tags[:length]


@pytest.mark.parametrize("seed", range(5))
def test_entity_scores_equal_seqeval(seed: int) -> None:
    """On BIO2 data precision, recall and F1, pooled and averaged over types, are those of seqeval."""
    from seqeval.metrics import f1_score, precision_score, recall_score

    rng = random.Random(seed)
    gold = [random_tags(rng, 12) for _ in range(30)]
    said = [tags if rng.random() < 0.4 else random_tags(rng, 12) for tags in gold]
    found = rows([bio2(tags) for tags in gold], [bio2(tags) for tags in said])
    metrics = span_metrics(LABELS)

    assert value(metrics, "entity_f1", found) == pytest.approx(f1_score(gold, said))
    assert value(metrics, "entity_precision", found) == pytest.approx(precision_score(gold, said))
    assert value(metrics, "entity_recall", found) == pytest.approx(recall_score(gold, said))
    assert value(metrics, "entity_macro_f1", found) == pytest.approx(f1_score(gold, said, average="macro"))
    scores = class_scores(LABELS, counts_of(LABELS, typed_spans)(found))
    assert [scores[name].f1 for name in LABELS] == pytest.approx(f1_score(gold, said, average=None))


def test_partial_and_untyped_spans() -> None:
    """An overlap is half a hit, each span meets one other at most, and untyped scores leave types out."""
    metrics = span_metrics(LABELS)
    cases = {
        "same": ([[0, 4, "a"]], [[0, 4, "a"]], (1, 1, 1, 1)),
        "other type": ([[0, 4, "a"]], [[0, 4, "b"]], (0, 1, 0, 1)),
        "overlap": ([[0, 4, "a"]], [[2, 6, "a"]], (0, 0, 0.5, 0.5)),
        "overlap of another type": ([[0, 4, "a"]], [[2, 6, "b"]], (0, 0, 0, 0.5)),
        "touching": ([[0, 4, "a"]], [[4, 6, "a"]], (0, 0, 0, 0)),
        "one over two": ([[0, 4, "a"], [6, 9, "a"]], [[0, 9, "a"]], (0, 0, 1 / 3, 1 / 3)),
        "same before overlap": ([[0, 4, "a"], [2, 4, "a"]], [[2, 4, "a"]], (2 / 3,) * 4),
        "hallucinated": ([[0, 4, "a"]], [[0, 4, "a"], [-1, -1, "a"]], (2 / 3,) * 4),
        "hallucinated twice": ([[0, 4, "a"]], [[0, 4, "a"], [-1, -1, "a"], [-1, -1, "a"]], (1 / 2,) * 4),
    }
    for name, (gold, said, expected) in cases.items():
        found = rows([gold], [said])
        names = ("entity_f1", "untyped_f1", "partial_f1", "partial_untyped_f1")
        assert [value(metrics, each, found) for each in names] == pytest.approx(expected), name


@given(st.lists(st.tuples(*[st.sets(st.sampled_from(LABELS)).map(sorted)] * 2), min_size=1, max_size=12))
def test_multilabel_scores_equal_scikit_learn(pairs: list[tuple[list[str], list[str]]]) -> None:
    """Micro, macro and instance F1 and exact match are scikit-learn's on the same label matrices."""
    from sklearn.metrics import accuracy_score, f1_score

    gold, said = (
        np.array([[label in row for label in LABELS] for row in column]) for column in zip(*pairs, strict=True)
    )
    found = rows([row for row, _ in pairs], [row for _, row in pairs])
    metrics = multilabel_metrics(LABELS)

    assert value(metrics, "micro_f1", found) == pytest.approx(f1_score(gold, said, average="micro", zero_division=0))
    assert value(metrics, "macro_f1", found) == pytest.approx(f1_score(gold, said, average="macro", zero_division=0))
    assert value(metrics, "instance_f1", found) == pytest.approx(
        f1_score(gold, said, average="samples", zero_division=1)
    )
    assert value(metrics, "exact_match", found) == pytest.approx(accuracy_score(gold, said))


def test_an_invalid_answer_is_never_right() -> None:
    """Where there is nothing to find, an answer that cannot be read is wrong all the same."""
    found = rows([[], ["a"]], [None, None])

    assert [metric.point(found) for metric in multilabel_metrics(LABELS)] == [0, 0, 0, 0]
    assert found.invalid == 2


def test_record_fields_are_values_under_their_path() -> None:
    """Order in lists and white space are left out, a value under another field is wrong, numbers are not texts."""
    metrics = record_metrics(["name", "parts"])
    gold = {"name": "Zinc  oxide", "parts": [{"of": "zinc", "n": 1}, {"of": "oxygen", "n": 1}]}
    same = {"name": "zinc oxide", "parts": [{"n": 1, "of": "oxygen"}, {"of": "zinc", "n": 1}]}
    other = {"name": "zinc", "parts": [{"of": "zinc", "n": "1"}]}

    assert value(metrics, "field_f1", rows([gold], [same])) == 1
    assert value(metrics, "exact_match", rows([gold], [same])) == 0
    # one hit (of: zinc) of five right and three answered values
    assert value(metrics, "field_f1", rows([gold], [other])) == pytest.approx(2 / 8)
