"""The evaluator during training: validation rows answered as in ``run``, judged by the task's own metric.

Answers that are written are really written, with the weights as they are, unless the recipe says ``examine=loss``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from promptsci.data import Example
from promptsci.lm import Nats
from promptsci.pipeline.prepare import Prepared
from promptsci.prompt import Query, Question
from promptsci.score import GENERATED, best_thresholds, metric_rows
from promptsci.score.decide import normalise
from promptsci.tune.folder import TuneFolder

if TYPE_CHECKING:
    from promptsci.lm import TransformersLM
    from promptsci.lm.load import LoadedModel

LOGGED_RULES = {"label": ("sum", "batch"), "relevance": ("sum", "batch"), "options": ("sum", "mean")}
"""Form -> rules under which the main metric is logged; all come from the same log-likelihoods."""

LOSSES = ("choice_loss", "lm_loss")


@dataclass
class Examination:
    """Validation rows of one task, answered by the model as it is.

    Attributes:
        prepared: the task, its metrics, and how prompts are made.
        examples: the validation rows.
        rule: the decision rule of the main metric.
        by: what decides which weights are the best: the main metric, or the loss of an objective.
    """

    prepared: Prepared
    examples: Sequence[Example]
    rule: str
    by: str = "metric"
    questions: list[Question] = field(init=False)
    queries: list[Query] = field(init=False)

    def __post_init__(self) -> None:
        """Makes the prompts, once; where answers are written, with the right answer behind them."""
        questioner = self.prepared.questioner
        self.questions = questioner.questions(self.examples)
        self.queries = questioner.taught(self.questions)

    @property
    def task(self) -> str:
        """The task's name."""
        return self.prepared.task.name

    def thresholds(self, nats: Sequence[Nats]) -> dict[str, float]:
        """Label -> the threshold with which these log-likelihoods do best, where each label is asked by itself."""
        if not self.prepared.template.asks_each(self.prepared.task):
            return {}
        return best_thresholds(self._scored_rows(nats), self.prepared.task.labels)

    def nats(self, loaded: LoadedModel) -> list[Nats]:
        """Log-likelihoods of each row's choices, or of its right answer where answers are written."""
        return self._scored(_reading(loaded), self.queries)

    def main(self, loaded: LoadedModel, queries: Sequence[Query]) -> float:
        """How good a model is when these queries ask about the rows; more is better.

        Written answers are not written for it: what counts is how likely the right ones are.
        """
        nats = self._scored(_reading(loaded), queries)
        if self.by == "metric" and self.prepared.writing is None:
            return self._metrics(self._scored_rows(nats))["main"]
        losses = self.losses(nats)
        return -losses["lm_loss" if self.prepared.writing else f"{self.by}_loss"]

    def _scored(self, lm: TransformersLM, queries: Sequence[Query]) -> list[Nats]:
        return [one.nats for one in sorted(lm.score(queries))]

    def examine(self, loaded: LoadedModel) -> tuple[list[Nats], dict[str, float]]:
        """Log-likelihoods of the rows, and ``main``, of which more is better, with all that is logged beside it."""
        lm = _reading(loaded)
        nats = self._scored(lm, self.queries)
        losses = self.losses(nats)
        if self.by == "metric":
            return nats, {**self._metrics(self._rows(lm, nats)), **losses}
        return nats, {"main": -losses[f"{self.by}_loss"], **losses}

    def _rows(self, lm: TransformersLM, nats: Sequence[Nats]) -> list[dict[str, Any]]:
        """The rows as predictions.jsonl would have them, as far as a judgement looks at them."""
        writing, read = self.prepared.writing, self.prepared.questioner.assembler.read
        if writing is None:
            return self._scored_rows(nats)
        written = dict(lm.generate([question.query for question in self.questions], writing))
        return [
            {"id": example.id, "gold": example.gold, "answer": read(written[number].text, example)}
            for number, example in enumerate(self.examples)
        ]

    def _scored_rows(self, nats: Sequence[Nats]) -> list[dict[str, Any]]:
        names = self.prepared.questioner.assembler.names
        return [
            {"id": one.id, "gold": one.gold, "nats": dict(zip(names(one), choices, strict=True)), **one.known}
            for one, choices in zip(self.examples, nats, strict=True)
        ]

    def _metrics(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """``main``, and the metric under each logged rule."""
        metric, facts = self.prepared.metrics[0], self.prepared.facts
        logged = dict.fromkeys([self.rule, *LOGGED_RULES.get(facts.form, ())])
        by_rule = {rule: metric.point(metric_rows(rows, facts, rule)) for rule in logged}
        names = {rule: metric.name if rule == GENERATED else f"{metric.name}_{rule}" for rule in logged}
        sign = 1.0 if metric.higher_is_better else -1.0
        return {"main": sign * by_rule[self.rule], **{names[rule]: value for rule, value in by_rule.items()}}

    def losses(self, nats: Sequence[Nats]) -> dict[str, float]:
        """Means over rows, in nats: of the right choices among all, and of the right answers' words."""
        right = self.prepared.questioner.assembler.right
        choice, lm = [], []
        for example, choices in zip(self.examples, nats, strict=True):
            sums = np.array([sum(tokens) for tokens in choices])
            gold = list(right(example)) or [0]
            groups = normalise(sums.reshape(len(gold), -1))
            choice.append(-float(groups.reshape(-1)[gold].sum()))
            lm.append(-float(sums[gold].sum()))
        found = {"lm_loss": float(np.mean(lm))}
        return found if self.prepared.writing else {"choice_loss": float(np.mean(choice)), **found}


@dataclass
class Examiner:
    """Examines the model as it is, on one task or several, and remembers what the best weights said.

    Of several tasks the mean of what decides for each decides, and so do their losses go into one mean.

    Attributes:
        parts: an examination for each task.
        folder: where the log-likelihoods of base and best weights are kept.
    """

    parts: Sequence[Examination]
    folder: TuneFolder

    def begin(self, loaded: LoadedModel) -> dict[str, float]:
        """Metrics of the base weights, found once and kept."""
        measured = self.folder.read_measured()
        if measured is None:
            nats, metrics = self._examine(loaded)
            measured = {"base": nats, "base_metrics": metrics, "best": None, "main": None}
            self.folder.write_measured(measured)
        found: dict[str, float] = measured["base_metrics"]
        return found

    def __call__(self, loaded: LoadedModel) -> Mapping[str, float]:
        """Metrics of the weights as they are; what they said is kept where they are the best so far."""
        nats, metrics = self._examine(loaded)
        measured = self.folder.read_measured()
        assert measured is not None, "begin comes first"
        if measured["main"] is None or metrics["main"] > measured["main"]:
            self.folder.write_measured({**measured, "best": nats, "main": metrics["main"]})
        return metrics

    def thresholds(self) -> dict[str, dict[str, float]]:
        """Task -> label -> the threshold with which the best weights do best, where labels are asked one by one."""
        measured = self.folder.read_measured()
        assert measured is not None, "begin comes first"
        found, start = {}, 0
        for part in self.parts:
            found[part.task] = part.thresholds(measured["best"][start : start + len(part.examples)])
            start += len(part.examples)
        return {task: thresholds for task, thresholds in found.items() if thresholds}

    def nats(self, loaded: LoadedModel) -> list[Nats]:
        """Log-likelihoods of each row's choices, task after task."""
        return [nats for part in self.parts for nats in part.nats(loaded)]

    def _examine(self, loaded: LoadedModel) -> tuple[list[Nats], dict[str, float]]:
        """Log-likelihoods of all rows, and what is logged."""
        found = [part.examine(loaded) for part in self.parts]
        nats = [one for each, _ in found for one in each]
        if len(found) == 1:
            return nats, found[0][1]
        metrics = [metrics for _, metrics in found]
        means = {
            name: fmean(each[name] for each in metrics if name in each)
            for name in ("main", *LOSSES)
            if any(name in each for each in metrics)
        }
        mains = {f"main_{part.task}": each["main"] for part, each in zip(self.parts, metrics, strict=True)}
        return nats, {**means, **mains}


def _reading(loaded: LoadedModel) -> TransformersLM:
    from promptsci.lm import Scoring, TransformersLM

    return TransformersLM(loaded, Scoring(verify=0))


def furthest(some: Sequence[Any], others: Sequence[Any]) -> float:
    """The largest difference between two sets of log-likelihoods of the same rows, in nats."""
    pairs = zip(_flat(some), _flat(others), strict=True)
    return max(abs(a - b) for a, b in pairs)


def _flat(nats: Sequence[Any]) -> list[float]:
    return [value for row in nats for choice in row for value in choice]
