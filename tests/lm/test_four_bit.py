from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from promptsci.errors import ModelError
from promptsci.lm import four_bit
from promptsci.lm.adapter import attach, read_adapter
from promptsci.lm.four_bit import NF4, check_four_bit
from promptsci.lm.load import load_model
from promptsci.lm.protocol import TokenCount
from promptsci.lm.shared import SharedScorer


def test_without_a_gpu_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyTorch finds no CUDA GPU the error says so, and what to use instead."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ModelError, match="need a CUDA GPU") as caught:
        check_four_bit()
    assert "--dtype bfloat16" in str(caught.value.fix)


def test_without_bitsandbytes_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a GPU and without the library the error says what to install; with both there is none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(four_bit, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="bitsandbytes, which is not installed"):
        check_four_bit()
    monkeypatch.setattr(four_bit, "find_spec", lambda name: name)
    check_four_bit()


def test_linear_layers_are_read_into_four_bits(tiny_lm_folder: Path, make_queries: Callable) -> None:
    """By the library itself, which computes on a CPU too: NF4 twice quantised, the output layer whole, scores near."""
    pytest.importorskip("bitsandbytes")
    whole = load_model(tiny_lm_folder, dtype="float32", device="cpu")
    loaded = load_model(tiny_lm_folder, dtype=NF4, device="cpu", trainable=True)
    layer = loaded.model.model.layers[0].self_attn.q_proj
    queries = make_queries(2, 20)
    found, exact = (
        [value for one in sorted(SharedScorer(model, 64, TokenCount()).score(queries)) for c in one.nats for value in c]
        for model in (loaded, whole)
    )

    assert type(layer).__name__ == "Linear4bit"
    assert (layer.weight.quant_state.quant_type, layer.weight.quant_state.nested) == ("nf4", True)
    assert type(loaded.model.lm_head) is torch.nn.Linear
    assert loaded.n_parameters == whole.n_parameters
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) > 0
    assert sum(abs(a - b) for a, b in zip(found, exact, strict=True)) / len(found) < 2.0


def test_an_adapter_stands_on_them(tiny_lm_folder: Path, make_adapter: Callable) -> None:
    """LoRA is put on four-bit layers, and changes what they say."""
    pytest.importorskip("bitsandbytes")
    loaded = load_model(tiny_lm_folder, dtype=NF4, device="cpu", trainable=True)
    ids = torch.arange(9)[None]
    with torch.no_grad():
        before = loaded.model(ids).logits
        after = attach(loaded, read_adapter(make_adapter(tiny_lm_folder, "lora"))).model(ids).logits

    assert float((after - before).abs().max()) > 0.1


@pytest.mark.gpu
def test_a_gpu_computes_with_them(tiny_lm_folder: Path, make_queries: Callable) -> None:
    """On a GPU they are read and computed with where they stay."""
    loaded = load_model(tiny_lm_folder, dtype=NF4)
    assert loaded.device.type == "cuda"
    assert len(list(SharedScorer(loaded, 64, TokenCount()).score(make_queries(2, 20)))) == 2
