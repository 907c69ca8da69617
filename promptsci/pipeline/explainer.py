"""What explains a row, for ``explain`` and ``serve``: a model, the prompts of a method, and its decision rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptsci.errors import RunError, SpecError, did_you_mean
from promptsci.explain import Asker, Request, RowExplanation, RunOdds, explain_row
from promptsci.lm import LM, Nats
from promptsci.prompt import Question, Questioner
from promptsci.score.judged import NEEDS_REFERENCES

BUDGET = 3.0
"""Tokens for a row, as a multiple of scoring the row and its shots once."""
ALONE = 4
"""A prompt without shots may cost so many times the budget: there is nothing long to share."""
TEXT_ID = "text"
"""The id of a text of one's own, by which its random words are drawn."""


@dataclass(frozen=True)
class Explainer:
    """Explains rows as a method asks and decides them.

    Attributes:
        lm: its model.
        questioner: makes its prompts.
        odds: of rows under its rule.
    """

    lm: LM
    questioner: Questioner
    odds: RunOdds

    def explain(
        self, question: Question, request: Request, row: Mapping[str, Any] | None = None
    ) -> tuple[RowExplanation, Asker]:
        """Why a row is decided so, and what was asked to find out.

        Args:
            question: the row with its shots.
            request: how to explain it; without shots the budget is a larger one.
            row: of predictions.jsonl, where there is one; else what the rule needs is asked for now, beside the budget.

        Raises:
            SpecError: the row has no such choice.
        """
        example, assembler = question.example, self.questioner.assembler
        names = assembler.names(example)
        if request.choice is not None and request.choice not in names:
            what = f"row {example.id} has no choice '{request.choice}'"
            raise SpecError(what, fix=did_you_mean(request.choice, names))
        before = self.lm.tokens.computed
        references = self._references(question) if row is None else []
        beside = self.lm.tokens.computed - before
        prompt = assembler.prompt(example, question.shots)
        asker = Asker(self.lm, self.questioner.encoder, prompt, question.query)
        odds = self.odds.of(_row(question, names, [asker.nats, *references]) if row is None else row)
        budget = request.budget * (1 if question.shots else ALONE)
        found = explain_row(asker, question, assembler, odds, replace(request, budget=budget))
        return replace(found, tokens={**found.tokens, "computed": found.tokens["computed"] + beside}), asker

    def _references(self, question: Question) -> list[Nats]:
        """The log-likelihoods of the row's choices behind the reference prompts that the rule needs."""
        needed = question.queries()[1:] if self.odds.rule in NEEDS_REFERENCES else []
        return [one.nats for one in sorted(self.lm.score(needed))] if needed else []


def _row(question: Question, names: Sequence[str], found: Sequence[Nats]) -> dict[str, Any]:
    """A row as predictions.jsonl would have it, from its own log-likelihoods and those of its references."""
    first, *rest = [{name: list(part) for name, part in zip(names, nats, strict=True)} for nats in found]
    premise = rest.pop(0) if rest and question.premise else None
    return {"id": question.example.id, "gold": None, "seen": False, "nats": first, "premise_nats": premise,
            "content_free_nats": rest}  # fmt: skip


def no_prompt(method: str, where: str | None = None) -> RunError:
    """Why a method that reads no prompt has no explanations."""
    what = f"the method {method} reads no prompt, so neither shots nor words of one can be taken away"
    return RunError(what, where=where, fix="Explain a run of a language model: promptsci runs")
