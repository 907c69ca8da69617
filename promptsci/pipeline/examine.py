"""The evaluator during training: validation rows scored as ``run`` scores them, judged by the task's own metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from promptsci.data import Example
from promptsci.lm import Nats
from promptsci.pipeline.prepare import Prepared
from promptsci.prompt import Query
from promptsci.score import from_rows, outcomes_of
from promptsci.tune.folder import TuneFolder

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

LOGGED_RULES = ("sum", "batch")
"""Rules under which the main metric is logged; both come from the same log-likelihoods."""


@dataclass
class Examiner:
    """Scores the validation rows with the model as it is, and remembers what the best weights said.

    Attributes:
        prepared: the task, its metrics, and how prompts are made.
        examples: the validation rows.
        rule: the decision rule of the main metric.
        folder: where the log-likelihoods of base and best weights are kept.
    """

    prepared: Prepared
    examples: Sequence[Example]
    rule: str
    folder: TuneFolder
    queries: list[Query] = field(init=False)

    def __post_init__(self) -> None:
        """Makes the prompts, once."""
        self.queries = [question.query for question in self.prepared.questioner.questions(self.examples)]

    def begin(self, loaded: LoadedModel) -> dict[str, float]:
        """Metrics of the base weights, found once and kept."""
        measured = self.folder.read_measured()
        if measured is None:
            nats = self.nats(loaded)
            measured = {"base": nats, "base_metrics": self.metrics(nats), "best": None, "main": None}
            self.folder.write_measured(measured)
        found: dict[str, float] = measured["base_metrics"]
        return found

    def __call__(self, loaded: LoadedModel) -> Mapping[str, float]:
        """Metrics of the weights as they are; what they said is kept where they are the best so far."""
        nats = self.nats(loaded)
        metrics = self.metrics(nats)
        measured = self.folder.read_measured()
        assert measured is not None, "begin comes first"
        if measured["main"] is None or metrics["main"] > measured["main"]:
            self.folder.write_measured({**measured, "best": nats, "main": metrics["main"]})
        return metrics

    def nats(self, loaded: LoadedModel, queries: Sequence[Query] | None = None) -> list[Nats]:
        """Log-likelihoods of each row's choices, by the row's own query or by others given for all rows."""
        from promptsci.lm import Scoring, TransformersLM

        return [one.nats for one in sorted(TransformersLM(loaded, Scoring(verify=0)).score(queries or self.queries))]

    def metrics(self, nats: Sequence[Nats]) -> dict[str, float]:
        """``main``, of which more is better, the metric under each logged rule, and both losses in nats a row."""
        labels = self.prepared.task.labels
        rows = [
            {"id": example.id, "gold": example.gold, "nats": dict(zip(labels, choices, strict=True))}
            for example, choices in zip(self.examples, nats, strict=True)
        ]
        logliks = from_rows(rows, labels)
        main = self.prepared.metrics[0]
        by_rule = {rule: main.point(outcomes_of(logliks, rule).labelled()) for rule in {*LOGGED_RULES, self.rule}}
        sign = 1.0 if main.higher_is_better else -1.0
        right = logliks.gold >= 0
        gold = logliks.gold[right][:, None]
        log_probs = outcomes_of(logliks, "sum").log_probs
        assert log_probs is not None
        return {
            "main": sign * by_rule[self.rule],
            **{f"{main.name}_{rule}": by_rule[rule] for rule in LOGGED_RULES},
            "choice_loss": -float(np.take_along_axis(log_probs[right], gold, axis=1).mean()),
            "lm_loss": -float(np.take_along_axis(logliks.sum_nats[right], gold, axis=1).mean()),
        }


def furthest(some: Sequence[Any], others: Sequence[Any]) -> float:
    """The largest difference between two sets of log-likelihoods of the same rows, in nats."""
    pairs = zip(_flat(some), _flat(others), strict=True)
    return max(abs(a - b) for a, b in pairs)


def _flat(nats: Sequence[Any]) -> list[float]:
    return [value for row in nats for choice in row for value in choice]
