from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from promptsci.lm.attention import NAME, products_attention, use_products
from promptsci.lm.load import LoadedModel
from promptsci.lm.plain import PlainScorer
from promptsci.lm.protocol import TokenCount
from promptsci.lm.shared import SharedScorer

SHAPES = [(4, 4, 16, 20), (8, 2, 32, 50), (9, 3, 64, 300), (6, 1, 8, 3)]
"""Heads, heads of keys, width of a head, length of the path."""


def inputs(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """Random queries of a pack of 24, keys and values of path and pack, and a mask that hides about a third."""
    heads, kv_heads, width, n_path = shape
    random = torch.Generator().manual_seed(0)
    query = torch.randn(1, heads, 24, width, generator=random) * 2
    key, value = (torch.randn(1, kv_heads, n_path + 24, width, generator=random) for _ in range(2))
    visible = torch.rand(1, 1, 24, n_path + 24, generator=random) < 0.7
    visible[..., n_path:] = torch.eye(24, dtype=torch.bool)
    mask = torch.zeros(visible.shape).masked_fill_(~visible, torch.finfo(dtype).min)
    module = SimpleNamespace(num_key_value_groups=heads // kv_heads, is_causal=True, training=False)
    return module, *(each.to(dtype) for each in (query, key, value, mask))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_in_float32_products_are_the_fused_kernel(shape: tuple[int, ...], scaling: float | None) -> None:
    """Same shape, same numbers to 1e-5, with and without a scaling of the family's own."""
    given = inputs(shape, torch.float32)
    mine, _ = products_attention(*given, scaling=scaling)
    fused, _ = sdpa_attention_forward(*given, scaling=scaling)

    assert mine.shape == fused.shape
    assert torch.allclose(mine, fused, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_in_bfloat16_products_are_exact_within_rounding(shape: tuple[int, ...]) -> None:
    """Against float32 on the same rounded inputs: within a few units of bfloat16's last place."""
    given = inputs(shape, torch.bfloat16)
    exact, _ = sdpa_attention_forward(given[0], *(each.float() for each in given[1:]))
    mine, _ = products_attention(*given)

    assert (mine.float() - exact).abs().max() < 0.05
    assert (mine.float() - exact).abs().mean() < 0.005


@pytest.mark.parametrize("case", ["no mask", "mask of another dtype", "batch", "one query", "bias"])
def test_what_does_not_fit_goes_to_the_fused_kernel(case: str) -> None:
    """Whatever products are not made for gives the fused kernel's very numbers."""
    module, query, key, value, mask = inputs(SHAPES[1], torch.float32)
    more = {"position_bias": torch.ones(1, 8, 24, 74)} if case == "bias" else {}
    if case == "no mask":
        mask = None
    elif case == "mask of another dtype":
        mask = mask == 0
    elif case == "batch":
        query, key, value, mask = (each.repeat(2, 1, 1, 1) for each in (query, key, value, mask))
    elif case == "one query":
        query, mask = query[:, :, :1], mask[:, :, :1]
    mine, _ = products_attention(module, query, key, value, mask, **more)
    fused, _ = sdpa_attention_forward(module, query, key, value, mask, **more)

    assert torch.equal(mine, fused)


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_a_model_that_uses_products_scores_as_before(family: str, tiny: Callable, make_queries: Callable) -> None:
    """In float32, packs by products say what one-by-one scoring by the fused kernel says."""
    original = tiny(family)
    config = CONFIG_MAPPING[original.text_config.model_type].from_dict(original.text_config.to_dict())
    model = AutoModelForCausalLM.from_config(config).eval()
    model.load_state_dict(original.model.state_dict())
    use_products(model)
    assert model.config._attn_implementation == NAME
    products = LoadedModel(model, original.path, original.context)
    queries = make_queries()
    fused = dict(PlainScorer(original, 4, TokenCount()).score(queries))
    found = dict(SharedScorer(products, 24, TokenCount()).score(queries))

    flat, expected = ([v for i in sorted(each) for choice in each[i] for v in choice] for each in (found, fused))
    assert flat == pytest.approx(expected, abs=1e-3)


def test_models_that_multiply_otherwise_are_left_alone(tiny: Callable) -> None:
    """Gemma 2 caps its scores, which neither the fused kernel nor products do."""
    model = tiny("gemma2").model
    use_products(model)

    assert model.config._attn_implementation == "eager"
