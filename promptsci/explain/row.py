"""One row explained: what each shot and each phrase does to the choice, and whether the named words are the ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptsci.data import Example
from promptsci.explain.faithful import Faithful, check
from promptsci.explain.gradients import Attribution
from promptsci.explain.odds import Odds
from promptsci.explain.reading import Asker
from promptsci.explain.shots import ShotEffect, shot_effects
from promptsci.explain.words import WordEffect, named_words, phrase_text, word_effects, words_of
from promptsci.prompt import Assembler, Question

WORDS_SHARE = 0.5
"""Of what the budget leaves beside scoring the row once, at most so much goes to words where there are shots."""
DELETIONS_SHARE = 0.4
"""Of what words may cost, so much is kept for the check against random words."""


@dataclass(frozen=True)
class RowExplanation:
    """Why a row was decided so.

    Attributes:
        example: the row.
        choices: the names of its choices.
        choice: the name of the one that is explained.
        decided: the name of the one that was decided.
        log_odds: of the choice behind the whole prompt, in nats.
        probabilities: of the choices, by the run's rule.
        words: what each phrase does, in the order of the text.
        named: the words that are said to have done it.
        faithful: how they stand against random words; None where that could not be asked.
        shots: what each shot does, the farthest first.
        gradients: what each word of the query adds by integrated gradients; empty where they were not asked for.
        tokens: ``once`` for scoring the row and its shots, ``computed`` for all of the explanation but gradients.
        notes: what could not be done.
    """

    example: Example
    choices: tuple[str, ...]
    choice: str
    decided: str
    log_odds: float
    probabilities: tuple[float, ...]
    words: tuple[WordEffect, ...]
    named: tuple[WordEffect, ...]
    faithful: Faithful | None
    shots: tuple[ShotEffect, ...]
    gradients: tuple[Attribution, ...]
    tokens: dict[str, int]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain values; log-odds in nats."""
        fields = self.example.fields
        return {
            "id": self.example.id,
            "gold": self.example.gold,
            "fields": dict(fields),
            "choice": self.choice,
            "decided": self.decided,
            "log_odds": self.log_odds,
            "probabilities": dict(zip(self.choices, self.probabilities, strict=True)),
            "words": [
                {**_word(one, fields), "parts": [_word(part, fields) for part in one.parts]} for one in self.words
            ],
            "named": [_word(one, fields) for one in self.named],
            "faithful": self.faithful
            and {"named": self.faithful.named, "random": list(self.faithful.random), "holds": self.faithful.holds},
            "shots": [_shot(one) for one in self.shots],
            "gradients": [one.to_json() for one in self.gradients],
            "tokens": {**self.tokens, "ratio": self.tokens["computed"] / self.tokens["once"]},
            "notes": list(self.notes),
        }


def _word(effect: WordEffect, fields: Any) -> dict[str, Any]:
    first, last = effect.span[0], effect.span[-1]
    place = {"field": first.field, "start": first.start, "stop": last.stop}
    return {"text": phrase_text(effect.span, fields), **place, "change": effect.change}


def _shot(effect: ShotEffect) -> dict[str, Any]:
    return {
        "place": effect.place,
        "id": effect.shot.id,
        "gold": effect.shot.gold,
        "text": effect.shot.text,
        "change": effect.change,
        "how": effect.how,
        "hidden": effect.hidden,
    }


@dataclass(frozen=True)
class Request:
    """How a row is to be explained.

    Attributes:
        budget: tokens, as a multiple of scoring the row and its shots once.
        choice: the name of the choice to explain; None takes the decided one.
        seed: of the random words.
    """

    budget: float
    choice: str | None = None
    seed: int = 0


def explain_row(asker: Asker, question: Question, assembler: Assembler, odds: Odds, request: Request) -> RowExplanation:
    """Why a row was decided so.

    Args:
        asker: has read the row's prompt.
        question: the row with its shots.
        assembler: makes its prompts.
        odds: of the row under the run's rule.
        request: how to explain it.
    """
    example = question.example
    names = assembler.names(example)
    asker.explain(odds, None if request.choice is None else names.index(request.choice), request.budget)
    room = asker.left
    allowance = int(room * (WORDS_SHARE if question.shots else 1.0) * (1 - DELETIONS_SHARE))
    words = word_effects(asker, assembler, example, allowance if asker.shares else asker.once * 10**6)
    named = named_words(words, len(words_of(example)))
    faithful = check(asker, assembler, example, named, request.seed)
    shots = shot_effects(asker, question.shots)
    found = odds.log_probabilities(asker.nats)
    return RowExplanation(
        example=example,
        choices=names,
        choice=names[asker.choice],
        decided=names[odds.decide(asker.nats)],
        log_odds=asker.whole,
        probabilities=tuple(math.exp(value) for value in found),
        words=tuple(words),
        named=named,
        faithful=faithful,
        shots=tuple(shots),
        gradients=(),
        tokens={"once": asker.once, "computed": asker.computed},
        notes=tuple(_notes(asker, words, named, faithful, shots)),
    )


def _notes(
    asker: Asker,
    words: Sequence[WordEffect],
    named: Sequence[WordEffect],
    faithful: Faithful | None,
    shots: Sequence[ShotEffect],
) -> list[str]:
    notes = []
    if not asker.shares:
        notes.append(
            "the model cannot share what it has read: every prompt was read whole, and the budget did not hold"
        )
    if not words:
        notes.append("no words were taken away: the text has fewer than two, or the budget was too small")
    elif not named:
        notes.append("no word speaks for the choice: without any of them it is as likely or likelier")
    elif faithful is None:
        notes.append("the named words were not checked against random ones: there are no others, or the budget ended")
    missing = sum(effect.how == "not asked" for effect in shots)
    if missing:
        notes.append(f"{missing} of {len(shots)} shots were not asked about: the budget ended")
    return notes
