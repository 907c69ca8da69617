"""One Run as a comparison sees it: rows as tables of what each adds to a metric, made from its folder alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from promptsci.errors import RunError, did_you_mean
from promptsci.runs import RunFolder
from promptsci.score.calibration import CALIBRATION
from promptsci.score.decide import DEFAULT_RULE
from promptsci.score.evaluation import outcomes_of, resolve
from promptsci.score.facts import Facts
from promptsci.score.forms import LETTERS, answered_rows, chosen_metrics
from promptsci.score.loglik import LogLikelihoods, from_option_rows, from_rows
from promptsci.score.metrics import Metric
from promptsci.score.outcomes import NONE, BoolArray, IntArray, Outcomes
from promptsci.score.sums import Family, families

Row = Mapping[str, Any]
NEEDS_REFERENCES = ("pmi", "contextual")


@dataclass(frozen=True, eq=False)
class Judged:
    """The labelled rows of one Run.

    Args:
        ids: example ids [N].
        gold: the right answers [N], as plain values that can be compared.
        seen: the row's text also stands in the split that shots or training rows come from [N].
        metrics: what can be compared, by name; the task's first decides.
        families: the rows as tables for these metrics.
        calibration: the rows as tables for ECE and Brier score; empty where nothing was scored.
        right: the row was answered rightly [N], or None where an answer is not simply right or wrong.
        rule: the decision rule, or how else answers were made.
        unlabelled: rows left out because they have no gold label.
    """

    ids: tuple[str, ...]
    gold: tuple[Any, ...]
    seen: BoolArray
    metrics: Mapping[str, Metric[Any]]
    families: tuple[Family, ...]
    calibration: tuple[Family, ...]
    right: BoolArray | None
    rule: str
    unlabelled: int

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)

    def take(self, rows: IntArray) -> Judged:
        """The rows at these positions, in their order."""
        if len(rows) == len(self) and (rows == np.arange(len(self))).all():
            return self
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            gold=tuple(self.gold[row] for row in rows),
            seen=self.seen[rows],
            families=tuple(part.take(rows) for part in self.families),
            calibration=tuple(part.take(rows) for part in self.calibration),
            right=None if self.right is None else self.right[rows],
        )

    def family(self, metric: str) -> Family:
        """The rows as the table for one metric."""
        return next(part for part in self.families if metric in part.values)


Reader = Callable[[Mapping[str, Any], Iterable[Row], str, Sequence[str]], Judged]


def judged(folder: RunFolder, *, rule: str | None = None, metrics: Sequence[str] | None = None) -> Judged:
    """A finished Run as a comparison sees it.

    Args:
        folder: the Run.
        rule: the decision rule; by default the Run's own.
        metrics: those to judge by, the first of which decides; by default the Run's own.

    Raises:
        RunError: the Run is not finished, damaged, of a kind that is not known, or lacks what the rule needs.
        SpecError: it names a metric that does not exist, or there is no such rule.
        DataError: no row has a gold label.
    """
    record = folder.read_run()
    kind = record.get("kind", "classification")
    if kind not in READERS:
        raise RunError(
            f"this Run is of the kind '{kind}', which cannot be compared",
            where=str(folder.path),
            fix=did_you_mean(kind, READERS),
        )
    decided_by = rule or record.get("rule") or DEFAULT_RULE
    return READERS[kind](record, folder.rows(), decided_by, metrics or record["metrics"])


def tabled_metrics(names: Sequence[str]) -> list[str]:
    """Those metrics that are sums over rows: all but ``hub:`` ones, which need the rows themselves."""
    return [name for name in names if not name.startswith("hub:")]


def decided_rows(folder: RunFolder, *, rule: str | None = None) -> tuple[tuple[str, ...], Outcomes]:
    """The example ids and the decided rows of a finished Run of a classification, unlabelled rows included.

    Raises:
        RunError: the Run is not finished, damaged, or lacks what the rule needs.
        SpecError: there is no such rule.
    """
    record = folder.read_run()
    rule = rule or record.get("rule") or DEFAULT_RULE
    logliks = from_rows(folder.rows(), record["labels"], references=rule in NEEDS_REFERENCES)
    return logliks.ids, outcomes_of(logliks, rule)


def _labels(record: Mapping[str, Any], rows: Iterable[Row], rule: str, names: Sequence[str]) -> Judged:
    logliks = from_rows(rows, record["labels"], references=rule in NEEDS_REFERENCES)
    return _decided(logliks, resolve(tabled_metrics(names), logliks.labels), rule)


def _options(record: Mapping[str, Any], rows: Iterable[Row], rule: str, names: Sequence[str]) -> Judged:
    return _decided(from_option_rows(rows, LETTERS), chosen_metrics(names, Facts.of(record)), rule)


def _answers(record: Mapping[str, Any], rows: Iterable[Row], rule: str, names: Sequence[str]) -> Judged:
    facts = Facts.of(record)
    found = answered_rows(rows, facts, rule)
    labelled, metrics = found.labelled(), chosen_metrics(names, facts)
    statistics = {name: metric.sums for name, metric in metrics.items() if metric.sums is not None}
    return Judged(
        ids=labelled.ids,
        gold=labelled.gold,
        seen=labelled.seen,
        metrics=metrics,
        families=families(labelled, statistics),
        calibration=(),
        right=None,
        rule=rule,
        unlabelled=len(found) - len(labelled),
    )


def _decided(logliks: LogLikelihoods, metrics: Mapping[str, Metric[Any]], rule: str) -> Judged:
    outcomes = outcomes_of(logliks, rule)
    labelled = np.flatnonzero(outcomes.gold != NONE)
    rows_judged = outcomes.labelled()
    statistics = {name: metric.sums for name, metric in metrics.items() if metric.sums is not None}
    return Judged(
        ids=tuple(logliks.ids[row] for row in labelled),
        gold=tuple(logliks.labels[place] for place in rows_judged.gold),
        seen=rows_judged.seen,
        metrics=metrics,
        families=families(rows_judged, statistics),
        calibration=families(rows_judged, CALIBRATION),
        right=rows_judged.predicted == rows_judged.gold,
        rule=rule,
        unlabelled=len(outcomes) - len(rows_judged),
    )


READERS: dict[str, Reader] = {
    "classification": _labels,
    "multiple-choice": _options,
    **dict.fromkeys(("multilabel", "regression", "extraction", "generation", "ranking"), _answers),
}
"""How a Run's rows become tables, by kind of task."""
