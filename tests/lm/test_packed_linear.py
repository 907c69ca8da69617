from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, OPTConfig, Qwen2Config

from promptsci.lm.load import load_model
from promptsci.lm.packed_linear import PackedLinear, can_pack, n_packed_weights, pack_linears, unpack_linears

SMALL = {"vocab_size": 300, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
CONFIGS = {
    "llama": LlamaConfig(**SMALL, intermediate_size=96, num_key_value_heads=2),
    "qwen2": Qwen2Config(**SMALL, intermediate_size=96, num_key_value_heads=2),  # biases
    "gemma3": Gemma3TextConfig(**SMALL, intermediate_size=96, num_key_value_heads=2, head_dim=16),
    "opt": OPTConfig(**SMALL, ffn_dim=96, word_embed_proj_dim=64),
}


@pytest.fixture(params=CONFIGS)
def model(request):
    """A small random model of several families, with and without biases."""
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(CONFIGS[request.param]).eval().requires_grad_(False)


def test_packed_layers_give_the_same_logits_for_any_number_of_rows(model):
    """Packing changes the order of additions and nothing else, whatever number of rows the layout was chosen for."""
    packed = copy.deepcopy(model)
    assert can_pack(packed)
    n_before = sum(parameter.numel() for parameter in packed.parameters())

    n_layers = pack_linears(packed)

    assert n_layers > 0
    assert n_packed_weights(packed) + sum(p.numel() for p in packed.parameters()) == n_before
    for n_tokens in (1, 7, 300):
        ids = torch.randint(0, 300, (1, n_tokens))
        with torch.inference_mode():
            torch.testing.assert_close(packed(ids).logits, model(ids).logits, atol=1e-4, rtol=1e-4)


def test_the_output_layer_keeps_its_weight(model):
    """It may be the embedding's own, which a packed layer could not share."""
    pack_linears(model)

    assert not isinstance(model.get_output_embeddings(), PackedLinear)


def test_a_loaded_model_counts_all_its_weights(tiny_lm_folder):
    """Packed weights are weights: the number that a result names does not depend on the machine."""
    loaded = load_model(tiny_lm_folder, dtype="float32")

    plain = AutoModelForCausalLM.from_pretrained(tiny_lm_folder)
    assert loaded.n_parameters == sum(parameter.numel() for parameter in plain.parameters())
    assert any(isinstance(module, PackedLinear) for module in loaded.model.modules())


def test_unpacking_gives_the_weights_back_bit_for_bit(model):
    """Layers that are unpacked are those that were packed: nothing is rounded on the way."""
    packed = copy.deepcopy(model)
    n_layers = pack_linears(packed)

    assert unpack_linears(packed) == n_layers
    own = dict(model.named_parameters())
    for name, parameter in packed.named_parameters():
        assert torch.equal(parameter, own[name])
        assert not parameter.requires_grad
