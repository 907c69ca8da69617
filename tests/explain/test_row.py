from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from promptsci.explain import Odds, Request, explain_row


@pytest.mark.parametrize("row", range(5))
def test_an_explanation_with_eight_shots_costs_at_most_three_times_the_row(row: int, ask: Callable) -> None:
    """Shots, words and the check against random words together: no more than 3 x the row and its shots once."""
    asker, question, assembler = ask(row)

    found = explain_row(asker, question, assembler, Odds("sum", np.zeros(3)), Request(budget=3))

    told = found.to_json()
    assert told["tokens"]["ratio"] <= 3
    assert all(shot["change"] is not None for shot in told["shots"])
    assert told["words"]
    assert told["faithful"] is not None or not told["named"]
    assert json.loads(json.dumps(told)) == told


def test_another_choice_can_be_explained(ask: Callable) -> None:
    """The log-odds of a choice that was not decided are below those of the one that was."""
    asker, question, assembler = ask()
    odds = Odds("sum", np.zeros(3))
    decided = explain_row(asker, question, assembler, odds, Request(budget=3))
    other = next(name for name in decided.choices if name != decided.decided)

    found = explain_row(asker, question, assembler, odds, Request(budget=3, choice=other))

    assert (found.choice, found.decided) == (other, decided.decided)
    assert found.log_odds < decided.log_odds


def test_a_row_without_shots_is_explained_by_its_words(ask: Callable) -> None:
    """Zero-shot: no shots, and words as far as the budget goes."""
    asker, question, assembler = ask(shots=0)

    found = explain_row(asker, question, assembler, Odds("sum", np.zeros(3)), Request(budget=12))

    assert found.shots == ()
    assert found.words
    assert found.tokens["computed"] <= 12 * found.tokens["once"]
