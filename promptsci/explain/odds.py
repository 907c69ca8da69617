"""The log-odds of a choice under the decision rule of a run: the one number that explanations explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from promptsci.errors import RunError
from promptsci.lm import Nats
from promptsci.score import Facts, log_probabilities
from promptsci.score.decide import normalise
from promptsci.score.forms import LETTERS
from promptsci.score.loglik import from_option_rows, from_rows
from promptsci.score.outcomes import FloatArray

Row = Mapping[str, Any]
FORMS = ("label", "options")
"""Forms of answers that are one of several choices."""
OF_ALL_ROWS = ("batch",)
"""Rules that subtract the same from every row, found on all rows of the run."""


@dataclass(frozen=True)
class Odds:
    """What a decision rule makes of the log-likelihoods of one row.

    What the rule subtracts is held fixed while words and shots are taken away, so that what changes is the row.

    Attributes:
        rule: the decision rule.
        bias: [C] nats that the rule subtracts from each choice.
    """

    rule: str
    bias: FloatArray

    def log_probabilities(self, nats: Nats) -> FloatArray:
        """[C] normalised log-probabilities of the choices."""
        parts = [sum(choice) / (len(choice) if self.rule == "mean" else 1) for choice in nats]
        return normalise(np.asarray(parts) - self.bias)

    def decide(self, nats: Nats) -> int:
        """The number of the most likely choice."""
        return int(self.log_probabilities(nats).argmax())

    def of(self, nats: Nats, choice: int) -> float:
        """Log p / (1 - p) of a choice, in nats."""
        found = self.log_probabilities(nats)
        return float(found[choice] - np.logaddexp.reduce(np.delete(found, choice)))


class RunOdds:
    """The Odds of the rows of one run.

    Args:
        rule: the decision rule.
        rows: all rows of the run, as predictions.jsonl has them.
        facts: of the task.

    Raises:
        RunError: the answers are no choices, or what the rule needs is not stored.
    """

    def __init__(self, rule: str, rows: Sequence[Row], facts: Facts) -> None:
        if facts.form not in FORMS:
            what = f"an answer of the form '{facts.form}' is not one of several choices, so it has no log-odds"
            raise RunError(what, fix="Explain a run of a classification or multiple-choice task.")
        self.rule = rule
        self.rows = rows
        self.facts = facts

    def of(self, row: Row) -> Odds:
        """The Odds of a row; it need not be one of the run's where it has all that the rule needs."""
        if self.rule == "mean":
            return Odds(self.rule, np.zeros(len(row["nats"])))
        return Odds(self.rule, self._of_all if self.rule in OF_ALL_ROWS else self._bias([row]))

    @cached_property
    def _of_all(self) -> FloatArray:
        return self._bias(self.rows)

    def _bias(self, rows: Sequence[Row]) -> FloatArray:
        """[C] what the rule subtracts from the first of some rows."""
        options = self.facts.form == "options"
        logliks = from_option_rows(rows, LETTERS) if options else from_rows(rows, self.facts.labels)
        bias: FloatArray = normalise(logliks.sum_nats[0]) - log_probabilities(self.rule, logliks)[0]
        return bias
