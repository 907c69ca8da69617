"""Metrics of answers that are sets: labels of a row, typed spans of a text, fields of a record.

All of them count hits, right items and answered items, and divide sums of these counts: F1 is 2 hits / (right +
answered), and 0/0 is 0. An invalid answer has no items: it misses all of its row's right ones.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from promptsci.score.answered import Answered
from promptsci.score.metrics import ClassScore, Metric, summed
from promptsci.score.outcomes import FloatArray
from promptsci.score.sums import Sums, Table, mean_of_rows, mean_of_sums, ratio

Items = Mapping[str, Counter[Hashable]]
"""What a row holds of each class: how often each item."""

Matcher = Callable[[Counter[Hashable], Counter[Hashable]], float]
"""Hits among right and answered items of one class."""


def exact_hits(right: Counter[Hashable], answered: Counter[Hashable]) -> float:
    """Items that both have, each as often as both have it."""
    return sum((right & answered).values())


def partial_hits(right: Counter[Hashable], answered: Counter[Hashable]) -> float:
    """Equal spans count 1, spans that only overlap count 1/2; a span meets one other at most.

    Equal spans meet first; of the others each right span, from left to right, meets the first that overlaps it.

    Source:
        Chinchor and Sundheim 1993 (MUC-5): partial matches have half the weight.
    """
    same = right & answered
    left: list[Any] = sorted((right - same).elements())
    others: list[Any] = sorted((answered - same).elements())
    hits = float(sum(same.values()))
    for start, end in left:
        met = next((other for other in others if other[0] < end and start < other[1]), None)
        if met is not None:
            others.remove(met)
            hits += 0.5
    return hits


def counts_of(
    classes: Sequence[str], items: Callable[[Any], Items], hits: Matcher = exact_hits
) -> Callable[[Answered], Table]:
    """What each row adds [N, 3 C]: hits, right items and answered items of each class."""

    def of_rows(rows: Answered) -> Table:
        table = np.zeros((len(rows), 3, len(classes)))
        for line, (gold, answer) in enumerate(zip(rows.gold, rows.answers, strict=True)):
            right, said = items(gold), items(answer) if answer is not None else {}
            for column, name in enumerate(classes):
                a, b = right.get(name, Counter()), said.get(name, Counter())
                table[line, :, column] = hits(a, b), a.total(), b.total()
        return table.reshape(len(rows), -1)

    return of_rows


def parts(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hits, right items and answered items of each class, each [..., C]."""
    c = sums.shape[-1] // 3
    return sums[..., :c], sums[..., c : 2 * c], sums[..., 2 * c :]


def micro_f1(sums: FloatArray) -> FloatArray:
    """F1 of the pooled counts [...]."""
    hits, right, answered = (part.sum(-1) for part in parts(sums))
    return ratio(2 * hits, right + answered)


def micro_precision(sums: FloatArray) -> FloatArray:
    """Hits over answered items [...]."""
    hits, _, answered = (part.sum(-1) for part in parts(sums))
    return ratio(hits, answered)


def micro_recall(sums: FloatArray) -> FloatArray:
    """Hits over right items [...]."""
    hits, right, _ = (part.sum(-1) for part in parts(sums))
    return ratio(hits, right)


def macro_f1(sums: FloatArray) -> FloatArray:
    """The unweighted mean of F1 over the classes [...]."""
    hits, right, answered = parts(sums)
    return np.asarray(ratio(2 * hits, right + answered).mean(-1), dtype=np.float64)


def class_scores(classes: Sequence[str], table: Table) -> dict[str, ClassScore]:
    """Precision, recall, F1 and support of each class, from what rows add [N, 3 C]."""
    hits, right, answered = parts(table.sum(0, dtype=np.float64))
    columns = zip(ratio(hits, answered), ratio(hits, right), ratio(2 * hits, right + answered), right, strict=True)
    return {
        name: ClassScore(float(precision), float(recall), float(f1), int(support))
        for name, (precision, recall, f1, support) in zip(classes, columns, strict=True)
    }


def label_items(gold: Iterable[str]) -> Items:
    """A row's labels, each a class of its own."""
    return {label: Counter([label]) for label in gold}


def typed_spans(gold: Iterable[Sequence[Any]]) -> Items:
    """A row's spans by type."""
    found: dict[str, Counter[Hashable]] = {}
    for start, end, name in gold:
        found.setdefault(name, Counter())[start, end] += 1
    return found


def untyped_spans(gold: Iterable[Sequence[Any]]) -> Items:
    """A row's spans, whatever their type; a place that has two types counts once, one that is nowhere every time."""
    places = [(start, end) for start, end, _ in gold]
    lost = [place for place in places if place[0] < 0]
    return {"span": Counter([*{place for place in places if place[0] >= 0}, *lost])}


def record_fields(gold: Mapping[str, Any]) -> Items:
    """A record's values by top-level field: each with the path to it, places in lists left out, texts folded."""
    return {name: Counter(_leaves(value, name)) for name, value in gold.items()}


def _leaves(value: Any, path: str) -> Iterable[Hashable]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, path)
    else:
        yield path, json.dumps(" ".join(value.split()).casefold() if isinstance(value, str) else value)


def span_metrics(types: Sequence[str]) -> tuple[Metric[Answered], ...]:
    """Metrics of typed spans: strict and partial, typed and untyped."""
    strict = counts_of(types, typed_spans)
    partly = "equal spans count 1, overlapping ones 1/2, each meets one other at most"
    nowhere = "a span whose text does not stand in the source is answered and wrong"
    return (
        summed("entity_f1", "Entity F1", "extraction", Sums(strict, micro_f1),
                f"F1 of the pooled counts of spans with the right start, end and type, as in seqeval; {nowhere}"),
        summed("entity_precision", "Entity precision", "extraction", Sums(strict, micro_precision),
                "right spans over answered spans, pooled"),
        summed("entity_recall", "Entity recall", "extraction", Sums(strict, micro_recall),
                "right spans over the data's spans, pooled"),
        summed("entity_macro_f1", "Entity macro-F1", "extraction", Sums(strict, macro_f1),
                "unweighted mean of entity F1 over the types"),
        summed("untyped_f1", "Untyped F1", "extraction", Sums(counts_of(["span"], untyped_spans), micro_f1),
                "entity F1 with types left out"),
        summed("partial_f1", "Partial F1", "extraction", Sums(counts_of(types, typed_spans, partial_hits), micro_f1),
                f"entity F1 in which {partly} (MUC-5)"),
        summed("partial_untyped_f1", "Partial untyped F1", "extraction",
               Sums(counts_of(["span"], untyped_spans, partial_hits), micro_f1),
                f"partial F1 with types left out: {partly}"),
    )  # fmt: skip


def _is_exact(rows: Answered) -> list[bool]:
    return [
        answer is not None and _canonical(gold) == _canonical(answer)
        for gold, answer in zip(rows.gold, rows.answers, strict=True)
    ]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def exact_rows(rows: Answered) -> Table:
    """What each row adds to the share of rows whose whole answer is right [N, 2]."""
    return mean_of_rows(np.array(_is_exact(rows), dtype=np.float64))


def instance_rows(rows: Answered) -> Table:
    """What each row adds to the mean F1 of rows [N, 2]; no labels answered where there are none is right."""
    values = []
    for gold, answer in zip(rows.gold, rows.answers, strict=True):
        hits, total = len(set(gold) & set(answer or ())), len(gold) + len(answer or ())
        values.append(0.0 if answer is None else 1.0 if not total else 2 * hits / total)
    return mean_of_rows(np.array(values, dtype=np.float64))


def multilabel_metrics(labels: Sequence[str]) -> tuple[Metric[Answered], ...]:
    """Metrics of any number of labels a row."""
    counts = counts_of(labels, label_items)
    invalid = "an invalid answer has no labels"
    return (
        summed("micro_f1", "Micro-F1", "multilabel", Sums(counts, micro_f1), f"F1 of the pooled counts; {invalid}"),
        summed("macro_f1", "Macro-F1", "multilabel", Sums(counts, macro_f1),
                f"unweighted mean of F1 over all labels of the task; {invalid}"),
        summed("instance_f1", "Instance F1", "multilabel", Sums(instance_rows, mean_of_sums),
                "mean over rows of the row's F1; 1 where there are no labels and none are answered; 0 if invalid"),
        summed("exact_match", "Exact match", "multilabel", Sums(exact_rows, mean_of_sums),
                "rows with all labels right and no others, over all rows"),
    )  # fmt: skip


def record_metrics(fields: Sequence[str]) -> tuple[Metric[Answered], ...]:
    """Metrics of structured records with these top-level fields."""
    counts = counts_of(fields, record_fields)
    return (
        summed("field_f1", "Field F1", "extraction", Sums(counts, micro_f1),
                "F1 of the pooled counts of values under the right path; order in lists is left out, texts are folded"),
        summed("field_macro_f1", "Field macro-F1", "extraction", Sums(counts, macro_f1),
                "unweighted mean of field F1 over the top-level fields"),
        summed("exact_match", "Exact match", "extraction", Sums(exact_rows, mean_of_sums),
                "records that are right as a whole, over all rows"),
    )  # fmt: skip
