from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from promptsci.errors import ModelError
from promptsci.lm.adapter import CARD, attach, check_base, detach, read_adapter
from promptsci.lm.generate import Generator, LoneGenerator
from promptsci.lm.load import load_model
from promptsci.lm.packed_linear import n_packed_weights
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import Generation, TokenCount
from promptsci.lm.shared import SharedScorer
from promptsci.lm.transformers_lm import Scoring, TransformersLM
from promptsci.lm.virtual import n_virtual

KINDS = ["lora", "dora", "ia3", "prefix", "prompt-tuning"]


@pytest.fixture
def queries(make_queries: Callable) -> list[Any]:
    """Queries that share prefixes and stems, in the tiny tokenizer's vocabulary."""
    return make_queries(4, 30)


def nats(scorer: Any, queries: list[Any]) -> list[float]:
    """All log-likelihoods, in order."""
    return [value for one in sorted(scorer.score(queries)) for choice in one.nats for value in choice]


def furthest(some: list[float], others: list[float]) -> float:
    """The largest difference, in nats."""
    return max(abs(a - b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["tiny_lm_folder", "tiny_gpt2_folder"])
def test_packs_say_what_pefts_own_forward_says(
    kind: str, model: str, make_adapter: Callable, queries: list, request: pytest.FixtureRequest
) -> None:
    """With any adapter, prefix and soft prompt included, packs score as PEFT's forward pass does one by one."""
    folder = request.getfixturevalue(model)
    base = load_model(folder, dtype="float32")
    before = nats(PlainScorer(base, 1, TokenCount()), queries)
    loaded = attach(base, read_adapter(make_adapter(folder, kind)))
    alone = nats(PlainScorer(loaded, 1, TokenCount()), queries)

    assert furthest(alone, before) > 0.1
    for budget in (16, 40, 512):
        assert furthest(nats(SharedScorer(loaded, budget, TokenCount()), queries), alone) < 1e-3


@pytest.mark.parametrize("kind", ["lora", "prefix", "prompt-tuning"])
def test_answers_are_those_that_peft_writes(kind: str, make_adapter: Callable, tiny_lm_folder: Path) -> None:
    """Answers grown side by side behind virtual tokens are those of PEFT's own generate."""
    loaded = attach(load_model(tiny_lm_folder, dtype="float32"), read_adapter(make_adapter(tiny_lm_folder, kind)))
    drawn = torch.Generator().manual_seed(0)
    prompts = [torch.randint(3, 400, (n,), generator=drawn).numpy().astype("int32") for n in (5, 9, 20)]
    how = Generation(max_tokens=8)
    ours = dict(Generator(loaded, str, 24).generate(prompts, how))
    theirs = dict(LoneGenerator(loaded, str, TokenCount()).generate(prompts, how))

    assert {n: one.ids for n, one in ours.items()} == {n: one.ids for n, one in theirs.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_base_comes_back_as_it_was(kind: str, make_adapter: Callable, tiny_lm_folder: Path, queries: list) -> None:
    """Adapters change places on one loaded base: each scores as alone, and the base bit for bit as before."""
    adapters = [read_adapter(make_adapter(tiny_lm_folder, kind, seed)) for seed in (0, 1)]
    lm = TransformersLM.load(tiny_lm_folder, dtype="float32", scoring=Scoring(verify=0))
    before = nats(lm, queries)
    context = lm.loaded.context
    seen = []
    for adapter in (adapters[0], adapters[1], adapters[0]):
        lm.use(adapter)
        seen.append(nats(lm, queries))
        assert lm.loaded.context == context - adapter.n_virtual
        assert n_virtual(lm.loaded) == adapter.n_virtual
        assert lm.describe().sharing.startswith("packs")
    lm.use(None)

    assert seen[0] == seen[2] != seen[1]
    assert nats(lm, queries) == before
    assert lm.loaded.context == context


def test_frozen_layers_stay_packed_below_an_adapter(make_adapter: Callable, tiny_lm_folder: Path) -> None:
    """On a CPU the base's layers keep their layout below LoRA; an adapter's own are left as they are."""
    base = load_model(tiny_lm_folder, dtype="float32")
    n_packed = n_packed_weights(base.model)
    if not n_packed:
        pytest.skip("this PyTorch lays out no weights")
    loaded = attach(base, read_adapter(make_adapter(tiny_lm_folder, "lora")))

    assert n_packed_weights(loaded.model) == n_packed
    assert n_packed_weights(detach(loaded, base.context).model) == n_packed


def test_two_adapters_have_two_identities(make_adapter: Callable, tiny_lm_folder: Path) -> None:
    """The identity is that of weights and configuration: other weights, another one."""
    first, second = (read_adapter(make_adapter(tiny_lm_folder, "lora", seed)) for seed in (0, 1))

    assert first.sha256 != second.sha256
    assert (first.method, first.n_virtual) == ("lora", 0)
    assert read_adapter(first.path).sha256 == first.sha256


def test_an_adapter_for_another_base_is_refused(make_adapter: Callable, tiny_lm_folder: Path) -> None:
    """An adapter that says what it was made for is refused by name on anything else."""
    folder = make_adapter(tiny_lm_folder, "lora")
    (folder / CARD).write_text(json.dumps({"name": "lora-1", "base": {"name": "tiny", "sha256": "1" * 64}}))
    adapter = read_adapter(folder)
    check_base(adapter, "tiny", "1" * 64)

    with pytest.raises(ModelError, match=r"'lora-1' was made for the model tiny .*not for large"):
        check_base(adapter, "large", "2" * 64)


def test_an_adapter_that_does_not_fit_is_refused(
    make_adapter: Callable, tiny_lm_folder: Path, tiny_gpt2_folder: Path
) -> None:
    """An adapter without a card that does not fit the model's layers is an error, and says what it was made for."""
    adapter = read_adapter(make_adapter(tiny_lm_folder, "lora"))

    with pytest.raises(ModelError, match="does not fit the model") as caught:
        attach(load_model(tiny_gpt2_folder, dtype="float32"), adapter)
    assert str(tiny_lm_folder) in str(caught.value.fix)


@pytest.mark.parametrize(
    ("name", "words"),
    [("adapter_config.json", "this is no adapter"), ("adapter_model.safetensors", "no weights in safetensors")],
)
def test_what_is_no_adapter_is_said(name: str, words: str, make_adapter: Callable, tiny_lm_folder: Path) -> None:
    """A folder without configuration, or with weights that only a pickle could hold, is not loaded."""
    folder = make_adapter(tiny_lm_folder, "lora")
    (folder / name).unlink()

    with pytest.raises(ModelError, match=words):
        read_adapter(folder)
