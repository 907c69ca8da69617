"""Tiny random models of many families, and queries that share prefixes in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
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
    intermediate_size=96,
    max_position_embeddings=256,
    initializer_range=0.4,  # wide: log-likelihoods are nats apart, so that a wrong mask shows
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=2,
)
GROUPED = {**BASE, "num_key_value_heads": 2}
FOUR = {**GROUPED, "num_hidden_layers": 4}
NARROW = {"head_dim": 16, "sliding_window": 7}
OLD = {"vocab_size": V, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.4}
MAMBA = {"mamba_n_heads": 4, "mamba_d_state": 8, "mamba_n_groups": 1}
EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 32}
MIXED = ["sliding_attention", "full_attention"]

# Windows and chunks are shorter than the prompts. A family may stand here twice, as NAME and NAME:VARIANT.
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {**OLD, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "llama": GROUPED,
    "qwen2": GROUPED,
    "qwen2:window": {**FOUR, "use_sliding_window": True, "sliding_window": 7, "max_window_layers": 2},
    "qwen3": {**GROUPED, "head_dim": 16},
    "gemma2": {**GROUPED, **NARROW, "query_pre_attn_scalar": 16},
    "gemma3_text": {**FOUR, **NARROW, "layer_types": MIXED * 2, "query_pre_attn_scalar": 16},
    "gemma3_text:window": {**GROUPED, **NARROW, "layer_types": ["sliding_attention"] * 2},
    "mistral": {**GROUPED, "sliding_window": 7},
    "gpt_neox": BASE,
    "phi": BASE,
    "phi3": {**GROUPED, "sliding_window": 7},
    "olmo2": GROUPED,
    "granite": {**GROUPED, "logits_scaling": 2.0, "attention_multiplier": 0.25, "residual_multiplier": 0.7},
    "cohere": {**GROUPED, "logit_scale": 0.5},
    "llama4_text": {
        **FOUR, "head_dim": 16, "attention_chunk_size": 8, "intermediate_size_mlp": 96, "num_local_experts": 2,
    },
    "opt": {**OLD, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 96,
            "word_embed_proj_dim": 64, "max_position_embeddings": 256, "pad_token_id": 2, "init_std": 0.4},
    "stablelm": GROUPED,
    "falcon": {**BASE, "alibi": False},
    "cohere2": {**FOUR, "sliding_window": 7, "logit_scale": 0.5},
    "olmo3": {**FOUR, "sliding_window": 7},
    "smollm3": GROUPED,
    "starcoder2": {**GROUPED, "sliding_window": 7},
    "gptj": {**OLD, "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8, "n_positions": 256},
    "gpt_oss": {**GROUPED, **NARROW, "num_local_experts": 2, "num_experts_per_tok": 1, "layer_types": MIXED},
    "mixtral": {**GROUPED, "num_local_experts": 4},
    "exaone4": {**FOUR, "sliding_window": 7},
    "nemotron": GROUPED,
    "xglm": {**OLD, "d_model": 64, "num_layers": 2, "attention_heads": 4, "ffn_dim": 96,
             "max_position_embeddings": 256, "pad_token_id": 2, "init_std": 0.4},
    "gemma3n_text": {
        **FOUR, **NARROW, "layer_types": MIXED * 2, "num_kv_shared_layers": 2, "laurel_rank": 8,
        "hidden_size_per_layer_input": 16, "vocab_size_per_layer_input": V, "altup_active_idx": 0,
        "intermediate_size": [96] * 4, "activation_sparsity_pattern": [0.0] * 4,
    },
    "deepseek_v3": {
        **BASE, "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4, "n_group": 1, "topk_group": 1,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1,
    },
    # Those that cannot share.
    "falcon:alibi": {**BASE, "alibi": True},
    "bloom": {**OLD, "hidden_size": 64, "n_layer": 2, "n_head": 4, "pad_token_id": 2},
    "mpt": {**OLD, "d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 256},
    "gpt_neo": {**OLD, "hidden_size": 64, "num_layers": 2, "num_heads": 4, "window_size": 7,
                "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 256},
    "mamba": {**OLD, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8, "pad_token_id": 2},
    "mamba2": {**OLD, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8, "num_heads": 8, "head_dim": 16,
               "n_groups": 1, "chunk_size": 16, "pad_token_id": 2},
    "rwkv": {"vocab_size": V, "hidden_size": 64, "num_hidden_layers": 2, "attention_hidden_size": 64,
             "bos_token_id": 0, "eos_token_id": 1},
    "recurrent_gemma": {**GROUPED, "head_dim": 16, "num_hidden_layers": 3, "attention_window_size": 32,
                        "lru_width": 64},
    "jamba": {**GROUPED, "attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2,
              "expert_layer_offset": 1, "num_experts": 2, "mamba_d_state": 8},
    "falcon_h1": {**GROUPED, **MAMBA, "mamba_d_ssm": 64, "mamba_d_head": 16},
    "bamba": {**GROUPED, **MAMBA, "attn_layer_indices": [1], "mamba_d_head": 32},
    "granitemoehybrid": {**GROUPED, **MAMBA, "layer_types": ["mamba", "attention"], "mamba_d_head": 32,
                         "num_local_experts": 2, "num_experts_per_tok": 1, "shared_intermediate_size": 32},
    "lfm2": {**GROUPED, "layer_types": ["conv", "full_attention"]},
    "qwen3_next": {
        **FOUR, **EXPERTS, "head_dim": 16, "shared_expert_intermediate_size": 32, "linear_num_key_heads": 2,
        "linear_num_value_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 16,
    },
}  # fmt: skip


@cache
def _build(name: str) -> Any:
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    from promptsci.lm.context import context_length
    from promptsci.lm.load import LoadedModel, quiet

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[name.partition(":")[0]](**FAMILIES[name]))
    model.eval().requires_grad_(False)
    return LoadedModel(model, Path("tiny"), context_length(model.config.get_text_config()))


@pytest.fixture(scope="session")
def tiny() -> Iterator[Callable[[str], Any]]:
    """A function: family -> LoadedModel, random and tiny, float32, the same object each time."""
    import torch

    # Threads that share a product of 64 x 64 wait for each other longer than they work.
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield _build
    torch.set_num_threads(n_threads)


def _queries(n: int = 5, longest: int = 40, seed: int = 0) -> list[Any]:
    from promptsci.prompt import Query

    rng = np.random.default_rng(seed)
    head = rng.integers(3, V, longest // 2)
    found = []
    for number in range(n):
        shared = head[: int(rng.integers(5, longest // 2 + 1))]
        ids = np.concatenate([shared, rng.integers(3, V, int(rng.integers(3, longest // 2)))]).astype(np.int32)
        a, b, c, d = (int(token) for token in rng.integers(3, V, 4))
        found.append(Query(f"{number}", ids, ("1", "2", "3", "4"), ((a,), (b, c), (b, c, d), (b, d, a))))
    # A prompt that is the beginning of another, and one that is asked twice with other choices.
    found.append(Query("beginning", found[0].ids[:-2], ("1", "2"), ((4, 5), tuple(found[0].ids[-2:].tolist()))))
    found.append(Query("again", found[1].ids, ("1",), ((5, 6),)))
    return found


@pytest.fixture(scope="session")
def make_queries() -> Callable[..., list[Any]]:
    """A function: (n, longest, seed) -> queries whose prompts share beginnings and whose choices share stems."""
    return _queries
