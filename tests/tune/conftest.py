"""Tiny random models with something trainable on them, and lessons that share prefixes in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

V = 97
BASE: dict[str, Any] = dict(
    vocab_size=V,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=96,
    max_position_embeddings=256,
    initializer_range=0.4,  # wide: log-likelihoods are nats apart, so that a wrong mask shows
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=2,
)
OLD = {"vocab_size": V, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.4}
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {**OLD, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "llama": BASE,
    # The window is longer than a prefix and shorter than the prompts.
    "gemma3_text": {
        **BASE, "head_dim": 16, "sliding_window": 12, "query_pre_attn_scalar": 16,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "qwen3": {**BASE, "head_dim": 16},
    "mamba": {**OLD, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8, "pad_token_id": 2},
}  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that share a product of 64 x 64 wait for each other longer than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(family: str) -> Any:
    """A LoadedModel, random, tiny, float32 and frozen."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    from promptsci.lm.context import context_length
    from promptsci.lm.load import LoadedModel, quiet

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[family](**FAMILIES[family]))
    return LoadedModel(model.eval().requires_grad_(False), Path("tiny"), context_length(model.config))


@pytest.fixture
def fresh() -> Callable[[str], Any]:
    """A function: family -> LoadedModel, a new one each time."""
    return build


@pytest.fixture
def trainable(fresh: Callable[[str], Any]) -> Callable[..., Any]:
    """A function: (family, method, values of the recipe) -> LoadedModel whose adapter is far from doing nothing."""
    import torch

    from promptsci.tune.methods import make_trainable
    from promptsci.tune.recipe import recipe_for

    def adapt(family: str, method: str, **values: object) -> Any:
        written = {"tokens": "5", **{name: str(value) for name, value in values.items()}}
        loaded = make_trainable(fresh(family), recipe_for(method, 0, written), seed=0)
        if method != "full":
            drawn = torch.Generator().manual_seed(1)
            with torch.no_grad():
                for part in loaded.model.parameters():
                    if part.requires_grad:
                        part.add_(0.1 * torch.randn(part.shape, generator=drawn))
        return loaded

    return adapt


def make_lessons() -> list[Any]:
    """Seven lessons whose prompts share beginnings and whose choices share stems; their number and weights vary."""
    from promptsci.prompt import Query
    from promptsci.tune.lesson import Lesson

    rng = np.random.default_rng(0)
    head = rng.integers(3, V, 20)
    found = []
    for number in range(6):
        shared = head[: int(rng.integers(5, 21))]
        ids = np.concatenate([shared, rng.integers(3, V, int(rng.integers(3, 20)))]).astype(np.int32)
        a, b, c, d = (int(token) for token in rng.integers(3, V, 4))
        choices = ((a,), (b, c), (b, c, d), (b, d, a))[: 4 - number % 2]
        query = Query(f"{number}", ids, ("w",) * len(choices), choices)
        found.append(Lesson(f"row-{number}", query, (number % len(choices),), 1.0 + number % 3))
    # A prompt that is the beginning of another.
    again = Query("beginning", found[0].query.ids[:-2], ("w", "w"), ((4, 5), tuple(found[0].query.ids[-2:].tolist())))
    return [*found, Lesson("row-6", again, (1,))]


def make_judged() -> list[Any]:
    """Four lessons of yes and no, with one to four other documents behind the same beginning of a prompt."""
    from promptsci.prompt import Query
    from promptsci.tune.lesson import Lesson

    rng = np.random.default_rng(1)
    found = []
    for number in range(4):
        head = rng.integers(3, V, 9)
        yes, no, stem = (int(token) for token in rng.integers(3, V, 3))
        documents = [
            Query("", np.concatenate([head, rng.integers(3, V, int(rng.integers(2, 12)))]).astype(np.int32),
                  ("yes", "no"), ((stem, yes), (stem, no)))
            for _ in range(2 + number)
        ]  # fmt: skip
        found.append(Lesson(f"pair-{number}", documents[0], (number % 2,), 1.0 + number % 2, tuple(documents[1:])))
    return found


@pytest.fixture
def judged() -> list[Any]:
    """Lessons about documents, the same in every test."""
    return make_judged()


@pytest.fixture
def lessons() -> list[Any]:
    """Lessons, the same in every test."""
    return make_lessons()
