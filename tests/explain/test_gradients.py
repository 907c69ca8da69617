from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from promptsci.errors import PromptsciError
from promptsci.explain import Target, attributions, shot_ends
from promptsci.explain.gradients import _log_odds, token_attributions
from promptsci.lm.load import load_model


def test_what_tokens_add_adds_up(ask: Callable, tiny_lm_folder: Path) -> None:
    """Completeness: the parts sum to the log-odds less those with the query's embeddings at zero; and by words too."""
    pytest.importorskip("captum")
    asker, _, _ = ask(shots=2)
    loaded = load_model(tiny_lm_folder, dtype="float32", trainable=True)
    target = Target(asker.query, shot_ends(asker)[-1], asker.odds, asker.choice)

    values = token_attributions(loaded, target, steps=200)

    with torch.no_grad():
        whole = loaded.base.get_input_embeddings()(torch.as_tensor(asker.query.ids, dtype=torch.long))[None]
        empty = whole.clone()
        empty[:, target.at :] = 0
        gap = float(_log_odds(loaded, whole, target) - _log_odds(loaded, empty, target))
    assert float(_log_odds(loaded, whole, target)) == pytest.approx(asker.whole, abs=2e-3)
    assert sum(values) == pytest.approx(gap, abs=0.02 * max(1, abs(gap)))
    words = attributions(loaded, asker.encoder.tokenizer, asker.prompt, target)
    assert [word.text for word in words] == asker.prompt.query.split()


def test_without_captum_it_says_what_to_install(ask: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    asker, _, _ = ask(shots=2)
    imported = builtins.__import__

    def refuse(name: str, *rest: object, **named: object) -> object:
        if name.startswith("captum"):
            raise ImportError(name)
        return imported(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PromptsciError, match=r"promptsci\[explain\]"):
        token_attributions(asker.reading.loaded, Target(asker.query, 5, asker.odds, asker.choice))
