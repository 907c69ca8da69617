"""GGUF to safetensors, once, so that loading is fast and nothing depends on how GGUF is read.

The weights become float32. Measured on the two GGUF files of the catalogue: of the dequantised weights 42 % (SmolLM2,
Q4_1 and Q8_0) and 63 % (Gemma, Q4_K and others) change when they are rounded to float16, 79 % and 83 % in bfloat16
(scale times integer plus offset needs more bits than either has). Disk is cheaper than an unexplained difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from promptsci.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# Raised when what convert_gguf writes changes: models converted before are then made anew.
CONVERTER_VERSION = 1

# tokenizer.ggml.pre -> how text is cut before byte-level BPE. transformers (5.23) knows neither group and takes GPT-2's
# rule for both without a word. For the first group that is wrong: each digit stands alone and no white space joins it,
# so "a\n\n2" must give "\n\n", "2" where GPT-2's rule gives "\n", "\n", "2".
DIGITS_ALONE = frozenset({"smollm", "starcoder", "refact", "codeshell"})
LIKE_GPT2 = frozenset({"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion"})


def convert_gguf(gguf_path: Path, out_dir: Path) -> None:
    """Nothing; ``out_dir`` then holds config, safetensors weights, tokenizer and chat template of a GGUF file.

    Raises:
        ModelError: the file is no GGUF file, is damaged, or holds a model that cannot be read faithfully.
    """
    check_gguf(gguf_path)
    try:
        pre = split_rule(gguf_path)
        tokenizer = _load_tokenizer(gguf_path)
        restore_split(tokenizer, pre, gguf_path)
        model = _load_model(gguf_path)
    except (ValueError, KeyError, IndexError, NotImplementedError, RuntimeError, TypeError) as error:
        raise ModelError(
            f"this GGUF file cannot be converted: {error}",
            where=str(gguf_path),
            fix="Name the model's folder with safetensors weights, or its Hub id, instead.",
        ) from error
    _save(model, tokenizer, out_dir)


def check_gguf(path: Path) -> None:
    """Nothing when the file begins as a GGUF file does.

    Raises:
        ModelError: it does not.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(
                "this is not a GGUF file (its first four bytes are not 'GGUF')",
                where=str(path),
                fix="Download it again; a web page or a Git LFS pointer may have been saved in its place.",
            )


def split_rule(gguf_path: Path) -> str | None:
    """The name of the rule by which the file's tokenizer cuts text before it merges; None where it names none."""
    from gguf import GGUFReader

    field = GGUFReader(gguf_path).get_field("tokenizer.ggml.pre")
    return None if field is None else str(field.contents())


def restore_split(tokenizer: PreTrainedTokenizerFast, pre: str | None, gguf_path: Path) -> None:
    """Nothing; the tokenizer cuts text as the GGUF file says, also where transformers fell back to GPT-2's rule.

    Raises:
        ModelError: transformers fell back, and the rule is not known here either.
    """
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    rule = json.loads(backend.to_str())["pre_tokenizer"] or {}
    fell_back = rule.get("type") == "ByteLevel" and rule.get("use_regex", False)
    if not fell_back or pre in LIKE_GPT2:
        return
    if pre not in DIGITS_ALONE:
        raise ModelError(
            f"the rule by which this model's tokenizer cuts text, '{pre}', is not known",
            where=str(gguf_path),
            fix="Name the model's folder with safetensors weights, or its Hub id, instead.",
        )
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


def _load_tokenizer(gguf_path: Path) -> PreTrainedTokenizerFast:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf_path.parent, gguf_file=gguf_path.name)
    return cast("PreTrainedTokenizerFast", tokenizer)


def _load_model(gguf_path: Path) -> PreTrainedModel:
    import torch
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        gguf_path.parent, gguf_file=gguf_path.name, dtype=torch.float32, **_dequantized()
    )
    # transformers refuses to save what came from GGUF, although by now every weight is an ordinary float32 tensor.
    model.hf_quantizer = None  # type: ignore[assignment]
    model.is_quantized = False  # type: ignore[assignment]
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model


def _dequantized() -> dict[str, Any]:
    """The argument that asks for plain weights, in versions of transformers that could keep the GGUF blocks."""
    import transformers

    config = getattr(transformers, "GgufConfig", None)
    return {} if config is None else {"quantization_config": config(dequantize=True)}


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, out_dir: Path) -> None:
    out_dir.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out_dir, max_shard_size="1000GB")
    tokenizer.model_max_length = int(model.config.max_position_embeddings)
    tokenizer.save_pretrained(out_dir)
    # A named class (GemmaTokenizer) builds its own cutting rule when it is loaded; this one takes tokenizer.json as is.
    config_path = out_dir / "tokenizer_config.json"
    config = json.loads(config_path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config["padding_side"] = tokenizer.padding_side  # a default of the class that is no longer named
    for circumstance in ("is_local", "local_files_only"):  # how it was loaded here says nothing about the tokenizer
        config.pop(circumstance, None)
    config_path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def in_child(gguf: str, out: str) -> int:
    """Exit code of a process that does one conversion: 0, or 1 with the error as one JSON object on stdout."""
    try:
        convert_gguf(Path(gguf), Path(out))
    except ModelError as error:
        print(json.dumps({"what": error.what, "where": error.where, "fix": error.fix}))
        return 1
    return 0
