from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from promptsci.explain import Odds, shot_map
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import TokenCount


def test_the_map_is_the_mean_of_exact_changes(open_run: Callable) -> None:
    """Each shot's number is the mean over rows of what pair-by-pair scoring without it changes for the right label."""
    prepared, lm = open_run(shots=3)
    questioner, odds = prepared.questioner, Odds("sum", np.zeros(3))
    assembler = questioner.assembler
    rows = [(question, odds) for question in questioner.questions(prepared.examples)]

    found = {one.shot.id: one for one in shot_map(lm, assembler, questioner.encoder, rows, lambda _n: None)}

    expected: dict[str, list[float]] = {}
    flips = {"mended": 0, "broken": 0}
    for question, _ in rows:
        prompt = assembler.prompt(question.example, question.shots)
        cut = [prompt.with_shots([s for j, s in enumerate(prompt.shots) if j != i]) for i in range(3)]
        queries = questioner.encoder.encode([prompt, *cut])
        whole, *less = [one.nats for one in sorted(PlainScorer(lm.loaded, 1, TokenCount()).score(queries))]
        gold = prepared.task.labels.index(question.example.gold)
        for shot, nats in zip(question.shots, less, strict=True):
            expected.setdefault(shot.id, []).append(odds.of(whole, gold) - odds.of(nats, gold))
            before, after = odds.decide(whole) == gold, odds.decide(nats) == gold
            flips["mended"] += before and not after
            flips["broken"] += after and not before
    assert found.keys() == expected.keys()
    for name, changes in expected.items():
        assert found[name].change == pytest.approx(np.mean(changes), abs=2e-3)
        assert found[name].low <= found[name].change <= found[name].high
        assert found[name].helped == np.mean(np.array(changes) > 0)
    assert sum(one.mended for one in found.values()) == flips["mended"]
    assert sum(one.broken for one in found.values()) == flips["broken"]


def test_rows_share_the_prompts_without_a_shot(open_run: Callable) -> None:
    """Rows with the same shots cost the shots once for each that is taken out, not once a row."""
    prepared, lm = open_run(shots=3)
    questioner, odds = prepared.questioner, Odds("sum", np.zeros(3))
    rows = [(question, odds) for question in questioner.questions(prepared.examples)]
    lm.reset()

    shot_map(lm, questioner.assembler, questioner.encoder, rows, lambda _n: None)

    alone = sum(len(question.query.ids) for question, _ in rows) * 4
    assert lm.tokens.computed < 0.75 * alone
