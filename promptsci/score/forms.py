"""How the rows of each form of answer are judged: the one place in this room that maps forms to their part."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from promptsci.errors import SpecError, did_you_mean
from promptsci.score.answered import Answered, Row, answered
from promptsci.score.bootstrap import estimates
from promptsci.score.decide import DEFAULT_RULE, available, log_probabilities
from promptsci.score.evaluation import GENERATED, Group, Scores, evaluate, outcomes_of
from promptsci.score.facts import Facts
from promptsci.score.loglik import LogLikelihoods, from_option_rows, from_rows
from promptsci.score.metrics import METRICS, ClassScore, Metric, metric_named
from promptsci.score.number_metrics import number_metrics
from promptsci.score.outcomes import BoolArray, Outcomes
from promptsci.score.rank_metrics import RANK_METRICS, rankings
from promptsci.score.set_metrics import (
    class_scores,
    counts_of,
    label_items,
    multilabel_metrics,
    record_fields,
    record_metrics,
    span_metrics,
    typed_spans,
)
from promptsci.score.text_metrics import PHRASE_METRICS, TEXT_METRICS, length_ratio

LETTERS = string.ascii_uppercase
Metrics = dict[str, Metric[Any]]


@dataclass(frozen=True)
class Judgement:
    """The Scores of a Run, and the decision on each row where it is not stored with the row itself."""

    scores: Scores
    decisions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What is asked of an evaluation.

    Attributes:
        metrics: by name, or as loaded; the first decides comparisons.
        rule: the decision rule; None takes the form's usual one.
        train_label_counts: rows of each label in train; None where not known.
    """

    metrics: Sequence[str | Metric[Any]]
    rule: str | None = None
    train_label_counts: Mapping[str, int] | None = None


def standard_metrics(facts: Facts) -> Metrics:
    """The metrics that every task of a form is scored by."""
    return _FORMS[facts.form].metrics(facts)


def form_metric(name: str, facts: Facts) -> Metric[Any]:
    """The metric that task.yaml spells so.

    Raises:
        SpecError: the form has no such metric.
        DataError: a ``hub:`` metric cannot be fetched.
    """
    if facts.form == "label":
        return metric_named(name, facts.labels)
    known = standard_metrics(facts)
    if name not in known:
        raise SpecError(f"there is no metric '{name}' for this kind of task", fix=did_you_mean(name, known))
    return known[name]


def chosen_metrics(names: Sequence[str | Metric[Any]], facts: Facts) -> Metrics:
    """The metrics to compute, by name: those asked for, in their order, then the standard ones of the form.

    Raises:
        SpecError: there is no such metric.
    """
    asked = [form_metric(each, facts) if isinstance(each, str) else each for each in names]
    return {metric.name: metric for metric in asked} | standard_metrics(facts)


def answered_rows(rows: Iterable[Row], facts: Facts, rule: str) -> Answered:
    """The rows of a form whose answers are no labels, as its metrics see them: the queries of a ranking, else rows."""
    if facts.form != "relevance":
        return answered(rows, facts)
    stored = list(rows)
    return _ranked(stored, from_rows(stored, facts.labels), rule)


def metric_rows(rows: Iterable[Row], facts: Facts, rule: str) -> Outcomes | Answered:
    """The labelled rows of predictions.jsonl as the metrics of their form see them.

    Raises:
        RunError: rows are damaged, or lack what the rule needs.
        DataError: no row has a right answer.
    """
    if facts.form in ("label", "options"):
        logliks = from_rows(rows, facts.labels) if facts.form == "label" else from_option_rows(rows, LETTERS)
        return outcomes_of(logliks, rule).labelled()
    return answered_rows(rows, facts, rule).labelled()


def usual_rule(form: str) -> str:
    """The decision rule of headline figures."""
    return _FORMS[form].rule


def judge_rows(rows: Iterable[Row], facts: Facts, wanted: Wanted) -> Judgement:
    """The Scores of rows of predictions.jsonl, and the decisions.

    Raises:
        SpecError: an unknown metric or rule.
        RunError: rows are damaged, or lack what the rule needs.
        DataError: no row has a right answer.
    """
    return _FORMS[facts.form].judge(rows, facts, wanted)


def _judge_labels(rows: Iterable[Row], facts: Facts, wanted: Wanted) -> Judgement:
    return _decided(from_rows(rows, facts.labels), wanted.rule or DEFAULT_RULE, wanted)


def _judge_options(rows: Iterable[Row], facts: Facts, wanted: Wanted) -> Judgement:
    logliks = from_option_rows(rows, LETTERS)
    counts = {name: n for name, n in (wanted.train_label_counts or {}).items() if name in logliks.labels}
    asked = Wanted(wanted.metrics, wanted.rule, counts if any(counts.values()) else None)
    return _decided(logliks, wanted.rule or usual_rule(facts.form), asked)


def _decided(logliks: LogLikelihoods, rule: str, wanted: Wanted) -> Judgement:
    scores = evaluate(
        logliks,
        metrics=wanted.metrics,
        rule=rule,
        train_label_counts=wanted.train_label_counts,
    )
    decided = outcomes_of(logliks, rule).predicted
    return Judgement(scores, {key: logliks.labels[int(at)] for key, at in zip(logliks.ids, decided, strict=True)})


def _judge_answers(rows: Iterable[Row], facts: Facts, wanted: Wanted) -> Judgement:
    stored = list(rows)
    found = answered(stored, facts)
    scores = _answer_scores(found, facts, wanted)
    scored = {row["id"]: answer for row, answer in zip(stored, found.answers, strict=True) if "nats" in row}
    return Judgement(replace(scores, details={**_written_details(stored), **scores.details}), scored)


def _judge_ranking(rows: Iterable[Row], facts: Facts, wanted: Wanted) -> Judgement:
    stored = list(rows)
    rule = wanted.rule or usual_rule(facts.form)
    logliks = from_rows(stored, facts.labels)
    by_rule = {name: _ranked(stored, logliks, name) for name in {rule: None, **dict.fromkeys(available(logliks))}}
    metrics = chosen_metrics(wanted.metrics, facts)
    first = rankings(stored, [0.0] * len(stored))  # equals keep the order of the first stage
    scores = replace(
        _answer_scores(by_rule[rule], facts, wanted),
        rule=rule,
        rules={
            name: {key: metric.point(by_rule[name]) for key, metric in metrics.items()} for name in available(logliks)
        },
        details={f"bm25_{name}": metric.point(first) for name, metric in metrics.items()},
    )
    decided = outcomes_of(logliks, rule).predicted
    return Judgement(scores, {key: facts.labels[int(at)] for key, at in zip(logliks.ids, decided, strict=True)})


def _ranked(rows: Sequence[Row], logliks: LogLikelihoods, rule: str) -> Answered:
    """Queries with their candidates by the probability of yes, under a decision rule."""
    return rankings(rows, log_probabilities(rule, logliks)[:, 0].tolist())


def _answer_scores(found: Answered, facts: Facts, wanted: Wanted) -> Scores:
    """The Scores of answers that are no labels."""
    labelled, metrics, part = found.labelled(), chosen_metrics(wanted.metrics, facts), _FORMS[facts.form]
    is_split = bool(labelled.seen.any())
    return Scores(
        rule=GENERATED,
        main=next(iter(metrics)),
        n=len(labelled),
        unlabelled=len(found) - len(labelled),
        metrics=estimates(labelled, metrics),
        per_class=part.classes(facts, labelled),
        labels=(),
        confusion=(),
        invalid=labelled.invalid,
        near_ties=None,
        calibration=None,
        unseen=_group(labelled, ~labelled.seen, metrics) if is_split else None,
        seen=_group(labelled, labelled.seen, metrics) if is_split else None,
        majority=None,
        smallest_difference=None,
        seed=0,
        details=part.details(labelled),
    )


def _group(rows: Answered, mask: BoolArray, metrics: Metrics) -> Group | None:
    if not mask.any():
        return None
    part = rows.take(np.flatnonzero(mask))
    return Group(len(part), estimates(part, metrics), ())


def _written_details(rows: Sequence[Row]) -> dict[str, Any]:
    """How written answers ended: those cut at their limit or by the context may be invalid for that reason alone."""
    written = [row for row in rows if "finished_by" in row]
    if not written:
        return {}
    return {
        "cut_answers": sum(row["finished_by"] in ("length", "context") for row in written),
        "mean_answer_tokens": sum(row["answer_tokens"] for row in written) / len(written),
    }


def _no_classes(_facts: Facts, _rows: Answered) -> dict[str, ClassScore]:
    return {}


def _no_details(_rows: Answered) -> dict[str, Any]:
    return {}


def _span_details(rows: Answered) -> dict[str, Any]:
    spans = [span for answer in rows.answers for span in answer or ()]
    return {"answered_spans": len(spans), "hallucinated_spans": sum(span[0] < 0 for span in spans)}


def _classes_by(items: Callable[[Any], Any]) -> Callable[[Facts, Answered], dict[str, ClassScore]]:
    def classes(facts: Facts, rows: Answered) -> dict[str, ClassScore]:
        return class_scores(facts.labels, counts_of(facts.labels, items)(rows))

    return classes


def _option_metrics(_facts: Facts) -> Metrics:
    return {"accuracy": METRICS["accuracy"]}


def _named(*metrics: Metric[Any]) -> Metrics:
    return {metric.name: metric for metric in metrics}


@dataclass(frozen=True)
class _Part:
    """How one form is judged."""

    judge: Callable[[Iterable[Row], Facts, Wanted], Judgement]
    metrics: Callable[[Facts], Metrics]
    rule: str = GENERATED
    classes: Callable[[Facts, Answered], dict[str, ClassScore]] = _no_classes
    details: Callable[[Answered], dict[str, Any]] = _no_details


_FORMS: Mapping[str, _Part] = {
    "label": _Part(_judge_labels, lambda _: METRICS, DEFAULT_RULE),
    "options": _Part(_judge_options, _option_metrics, "mean"),
    "labels": _Part(
        _judge_answers, lambda facts: _named(*multilabel_metrics(facts.labels)), classes=_classes_by(label_items)
    ),
    "number": _Part(_judge_answers, lambda facts: _named(*number_metrics(facts.low, facts.high))),
    "spans": _Part(
        _judge_answers,
        lambda facts: _named(*span_metrics(facts.labels)),
        classes=_classes_by(typed_spans),
        details=_span_details,
    ),
    "record": _Part(
        _judge_answers, lambda facts: _named(*record_metrics(facts.labels)), classes=_classes_by(record_fields)
    ),
    "references": _Part(
        _judge_answers, lambda _: _named(*TEXT_METRICS), details=lambda rows: {"length_ratio": length_ratio(rows)}
    ),
    "phrases": _Part(_judge_answers, lambda _: _named(*PHRASE_METRICS)),
    "relevance": _Part(_judge_ranking, lambda _: _named(*RANK_METRICS), "sum"),
}
