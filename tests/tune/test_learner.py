from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from promptsci.errors import TuneError
from promptsci.tune import learner
from promptsci.tune.learner import Aim, Learner
from promptsci.tune.pack import LessonPack
from promptsci.tune.padded import PaddedBatch


@pytest.mark.parametrize("method", ["lora", "prefix", "prompt-tuning"])
def test_models_that_share_learn_from_packs(method: str, trainable: Callable, lessons: list) -> None:
    """A Llama passes the probe, with an adapter in its layers or virtual tokens before every prompt."""
    made = Learner(trainable("llama", method), Aim(), 10_000)

    assert made.why_padded is None
    assert all(isinstance(batch, LessonPack) for batch in made.batches(lessons))


def test_models_that_cannot_share_learn_from_padded_batches(fresh: Callable, lessons: list) -> None:
    """A model with a recurrent state is read padded, says why, and learns all the same."""
    loaded = fresh("mamba")
    loaded.model.requires_grad_(True)
    made = Learner(loaded, Aim(), 10_000)
    (batch,) = made.batches(lessons)
    made(batch).backward()

    assert made.why_padded == "it takes no positions"
    assert isinstance(batch, PaddedBatch)
    assert all(part.grad is not None for part in loaded.model.parameters())


def test_a_wrong_reading_is_found(trainable: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs that read something else than sequences alone fail the probe."""
    monkeypatch.setattr(LessonPack, "nats", lambda pack, _: torch.zeros(len(pack.rows)))

    assert "differs by" in str(learner.probe(trainable("llama", "lora")))


def test_a_prefix_longer_than_a_window_is_left_to_peft(trainable: Callable) -> None:
    """Where a sliding layer cannot see the whole prefix, PEFT's own forward pass is taken."""
    assert "prefix" in str(learner.probe(trainable("gemma3_text", "prefix", tokens=20)))


def test_an_adapter_that_breaks_the_model_is_an_error(trainable: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the model's own forward pass works, nothing is trained."""
    loaded = trainable("llama", "lora")

    def broken(*_: object, **__: object) -> None:
        raise AttributeError("'tuple' object has no attribute 'dtype'")

    monkeypatch.setattr(loaded.model, "forward", broken)
    with pytest.raises(TuneError, match="cannot be read with this adapter"):
        learner.probe(loaded)
