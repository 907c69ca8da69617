from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.errors import ModelError
from promptsci.lm.convert import convert_gguf, restore_split, split_rule

LAYERS, HIDDEN, HEADS, KV_HEADS, INNER, CONTEXT = 2, 64, 4, 2, 96, 128
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
MERGES = [("Ċ", "Ċ"), ("Ġ", "Ġ"), ("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n")]


def alphabet() -> list[str]:
    """The 256 signs of byte-level BPE."""
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def byte_level(rule: object = None) -> object:
    """A little byte-level tokenizer, as transformers builds one from a GGUF file: cut by GPT-2's rule."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocab = {token: number for number, token in enumerate([*alphabet(), *("".join(pair) for pair in MERGES)])}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=MERGES))
    tokenizer.pre_tokenizer = rule or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def test_digits_stand_alone_again() -> None:
    """Where the file says "smollm", white space before a digit stays whole, as the model learned it."""
    plain, restored = byte_level(), byte_level()
    restore_split(restored, "smollm", Path("m.gguf"))
    assert plain.tokenize("a\n\n2") == ["a", "Ċ", "Ċ", "2"]
    assert restored.tokenize("a\n\n2") == ["a", "ĊĊ", "2"]
    assert restored.tokenize("in 2014") == ["in", "Ġ", "2", "0", "1", "4"]
    assert restored.tokenize("2014") == ["2", "0", "1", "4"]
    assert restored.tokenize(" the  5") == ["Ġthe", "ĠĠ", "5"]


@given(st.text())
def test_cutting_loses_nothing(text: str) -> None:
    """Whatever the text, the restored tokenizer gives it back byte for byte."""
    tokenizer = byte_level()
    restore_split(tokenizer, "smollm", Path("m.gguf"))
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


@given(st.text(alphabet=st.characters(exclude_categories=["N", "Cs"])))
def test_without_digits_nothing_changes(text: str) -> None:
    """The two rules differ around digits only."""
    plain, restored = byte_level(), byte_level()
    restore_split(restored, "smollm", Path("m.gguf"))
    assert plain.tokenize(text) == restored.tokenize(text)


@pytest.mark.parametrize("pre", ["gpt-2", "phi-2"])
def test_gpt2s_own_rule_is_left_alone(pre: str) -> None:
    """Files that mean GPT-2's rule keep it."""
    tokenizer = byte_level()
    before = tokenizer.backend_tokenizer.to_str()
    restore_split(tokenizer, pre, Path("m.gguf"))
    assert tokenizer.backend_tokenizer.to_str() == before


def test_a_rule_that_transformers_knows_is_left_alone() -> None:
    """Anything but the silent fall-back stays as it is, whatever the file calls it."""
    from tokenizers import pre_tokenizers

    tokenizer = byte_level(
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(use_regex=False)])
    )
    before = tokenizer.backend_tokenizer.to_str()
    restore_split(tokenizer, "unheard-of", Path("m.gguf"))
    assert tokenizer.backend_tokenizer.to_str() == before


@pytest.mark.parametrize("pre", ["unheard-of", None])
def test_an_unknown_rule_is_an_error(pre: str | None) -> None:
    """Tokens that the model never learned would make every score wrong in silence; so the file is refused."""
    with pytest.raises(ModelError, match="by which this model's tokenizer cuts text") as caught:
        restore_split(byte_level(), pre, Path("m.gguf"))
    assert caught.value.where == "m.gguf"


def write_gguf(path: Path, *, architecture: str = "llama") -> Path:
    """A GGUF file of a random little Llama with SmolLM's tokenizer: Q4_1 matrices, float32 norms."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    rng = np.random.default_rng(0)
    tokens = [*SPECIAL, *alphabet(), *("".join(pair) for pair in MERGES)]
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(100000.0)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT)

    def matrix(name: str, rows: int, columns: int) -> None:
        kind = GGMLQuantizationType.Q4_1
        values = quantize(rng.normal(0, 0.3, (rows, columns)).astype(np.float32), kind)
        writer.add_tensor(name, values, raw_dtype=kind)

    def norm(name: str) -> None:
        writer.add_tensor(name, rng.normal(1, 0.1, HIDDEN).astype(np.float32))

    matrix("token_embd.weight", len(tokens), HIDDEN)
    norm("output_norm.weight")
    kv = HIDDEN // HEADS * KV_HEADS
    for layer in range(LAYERS):
        norm(f"blk.{layer}.attn_norm.weight")
        norm(f"blk.{layer}.ffn_norm.weight")
        shapes = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (kv, HIDDEN), "attn_v": (kv, HIDDEN)}
        shapes |= {"attn_output": (HIDDEN, HIDDEN), "ffn_gate": (INNER, HIDDEN)}
        shapes |= {"ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER)}
        for name, (rows, columns) in shapes.items():
            matrix(f"blk.{layer}.{name}.weight", rows, columns)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def little_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of some 100 kB."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "little.gguf")


@pytest.fixture(scope="module")
def converted(little_gguf: Path) -> Path:
    """The folder made of it."""
    out = little_gguf.parent / "converted"
    convert_gguf(little_gguf, out)
    return out


def test_the_rule_is_read_from_the_file(little_gguf: Path) -> None:
    """tokenizer.ggml.pre, as written."""
    assert split_rule(little_gguf) == "smollm"


@pytest.mark.slow
def test_the_converted_model_computes_the_same(little_gguf: Path, converted: Path) -> None:
    """Logits of the saved model are bitwise those of the model loaded from GGUF; nothing is quantised any more."""
    import torch
    from transformers import AutoModelForCausalLM

    ids = torch.arange(3, 43).reshape(2, 20)
    from_gguf = AutoModelForCausalLM.from_pretrained(
        little_gguf.parent, gguf_file=little_gguf.name, dtype=torch.float32
    )
    saved = AutoModelForCausalLM.from_pretrained(converted)
    with torch.inference_mode():
        assert torch.equal(saved(ids).logits, from_gguf(ids).logits)
    assert "quantization_config" not in json.loads((converted / "config.json").read_text())
    assert saved.config.rope_parameters["rope_theta"] == 100000.0
    assert saved.config.tie_word_embeddings


@pytest.mark.slow
def test_the_converted_weights_are_those_of_the_file(little_gguf: Path, converted: Path) -> None:
    """Each value matrix equals what the gguf library itself dequantises, bit for bit: float32 loses nothing."""
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.numpy import load_file

    saved = load_file(converted / "model.safetensors")
    in_file = {tensor.name: tensor for tensor in GGUFReader(little_gguf).tensors}
    for layer in range(LAYERS):
        tensor = in_file[f"blk.{layer}.attn_v.weight"]
        here = saved[f"model.layers.{layer}.self_attn.v_proj.weight"]
        assert here.dtype == np.float32
        np.testing.assert_array_equal(here, dequantize(tensor.data, tensor.tensor_type))


@pytest.mark.slow
def test_the_converted_tokenizer_is_the_models(converted: Path) -> None:
    """Digits alone, no bos in front, special tokens whole, the chat template kept, the context as maximum length."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(converted)
    assert tokenizer.tokenize("a\n\n2014") == ["a", "ĊĊ", "2", "0", "1", "4"]
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (SPECIAL[1], SPECIAL[2], SPECIAL[2])
    assert tokenizer("a").input_ids == tokenizer.convert_tokens_to_ids(["a"])
    assert tokenizer("<|im_end|>").input_ids == [2]
    assert tokenizer.model_max_length == CONTEXT
    assert tokenizer.chat_template == CHAT
    text = " Größe  2014\n\n<x>"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


@pytest.mark.slow
def test_an_unknown_architecture_is_an_error(tmp_path: Path) -> None:
    """What transformers cannot read is a ModelError with its reason, not a traceback."""
    path = write_gguf(tmp_path / "odd.gguf", architecture="oddity")
    with pytest.raises(ModelError, match=r"cannot be converted: .*oddity"):
        convert_gguf(path, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("keep", [8, 100, 5000, -1000])
def test_a_file_cut_short_is_an_error(keep: int, little_gguf: Path, tmp_path: Path) -> None:
    """Cut in its head, its metadata or its tensors: never a model."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(little_gguf.read_bytes()[:keep])
    with pytest.raises(ModelError):
        convert_gguf(path, tmp_path / "out")
