from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from promptsci.errors import TuneError
from promptsci.tune.methods import make_trainable
from promptsci.tune.recipe import METHODS, recipe_for


def learning(loaded: Any) -> dict[str, torch.Tensor]:
    """The weights that learn, by name."""
    return {name: part for name, part in loaded.model.named_parameters() if part.requires_grad}


@pytest.mark.parametrize("method", [name for name in METHODS if name != "full"])
def test_an_adapter_learns_and_its_base_does_not(method: str, fresh: Callable) -> None:
    """Every adapter adds weights that learn; none of the model's own does; the seed decides how they begin."""
    loaded = fresh("llama")
    own = {id(part) for part in loaded.model.parameters()}
    made = make_trainable(loaded, recipe_for(method, 0), seed=3)
    parts = learning(made)
    again = learning(make_trainable(fresh("llama"), recipe_for(method, 0), seed=3))

    assert parts
    assert own.isdisjoint(id(part) for part in parts.values())
    assert all(torch.equal(part, again[name]) for name, part in parts.items())


def test_virtual_tokens_take_room_in_the_context(fresh: Callable) -> None:
    """A prefix of 20 leaves 20 tokens less for prompts."""
    assert make_trainable(fresh("llama"), recipe_for("prefix", 0, {"tokens": "20"}), 0).context == 256 - 20
    assert make_trainable(fresh("llama"), recipe_for("lora", 0), 0).context == 256


@pytest.mark.parametrize(
    ("train", "words"),
    [("all", {"embed_tokens", "layers.0", "layers.1", "norm"}), ("last-1", {"layers.1"}),
     ("embeddings", {"embed_tokens"})],
)  # fmt: skip
def test_a_part_of_the_model_can_learn(train: str, words: set[str], fresh: Callable) -> None:
    """``train=`` says which of the model's own weights learn."""
    names = learning(make_trainable(fresh("llama"), recipe_for("full", 0, {"train": train}), 0))

    assert {
        word for word in ("embed_tokens", "layers.0", "layers.1", "norm") for n in names if f"model.{word}" in n
    } == words


@pytest.mark.parametrize("train", ["last-3", "last-0", "some"])
def test_a_part_that_is_not_there_is_an_error(train: str, fresh: Callable) -> None:
    """More layers than there are, or words that mean nothing, say what would do."""
    with pytest.raises(TuneError, match="last-N with N up to 2"):
        make_trainable(fresh("llama"), recipe_for("full", 0, {"train": train}), 0)


def test_targets_that_are_not_there_are_an_error(fresh: Callable) -> None:
    """Layers that the model does not have cannot be adapted."""
    with pytest.raises(TuneError, match="lora does not fit this model"):
        make_trainable(fresh("llama"), recipe_for("lora", 0, {"targets": "nowhere"}), 0)
