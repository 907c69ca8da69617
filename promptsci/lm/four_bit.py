"""Frozen weights in four bits: NormalFloat with double quantisation, for models that would not fit the GPU otherwise.

Source: Dettmers et al. 2023 (QLoRA), arXiv 2305.14314, section 3.
Library: bitsandbytes.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from promptsci.errors import ModelError

NF4 = "nf4"
"""What ``dtype`` says of weights in four bits; what is computed with them is bfloat16."""
BYTES_A_WEIGHT = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Four bits, an 8-bit scale for 64 weights, and a float32 scale for 256 of those."""
INSTEAD = "Use --dtype bfloat16, which needs four times the memory, or a smaller model."


def check_four_bit() -> None:
    """Nothing on a machine that computes with four-bit weights; called before anything is fetched.

    Raises:
        ModelError: there is no CUDA GPU, or bitsandbytes is not installed.
    """
    import torch

    if not torch.cuda.is_available():
        what = "weights in four bits need a CUDA GPU, and PyTorch finds none here"
        raise ModelError(what, fix=INSTEAD)
    if find_spec("bitsandbytes") is None:
        what = "weights in four bits need bitsandbytes, which is not installed"
        raise ModelError(what, fix="pip install 'promptsci[4bit]'")


def four_bit_loading(device: str) -> dict[str, Any]:
    """What transformers must be told to read a model's linear layers, the output layer apart, into four bits."""
    import torch
    from transformers import BitsAndBytesConfig

    computed = torch.bfloat16 if device.startswith("cuda") else torch.float32
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=NF4,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computed,
    )
    return {"quantization_config": config, "dtype": computed, "device_map": {"": device}}


def n_weights(parameter: Any) -> int:
    """The number of weights that a parameter holds; in four bits there are two in a byte."""
    count: int = parameter.numel()
    return count * 2 if type(parameter).__name__ == "Params4bit" and parameter.dtype.itemsize == 1 else count
