"""A causal language model in memory: weights, device, precision, and the longest sequence it holds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import ModelError, did_you_mean
from promptsci.lm.context import context_length
from promptsci.lm.four_bit import NF4, four_bit_loading, n_weights

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16", NF4)


@dataclass(frozen=True)
class LoadedModel:
    """A Hugging Face causal LM ready to score.

    Attributes:
        model: the transformers model, in evaluation mode, or PEFT's wrapper of it where it has an adapter.
        path: the folder that it came from.
        context: the longest sequence it holds, in tokens.
    """

    model: Any
    path: Path
    context: int

    @property
    def base(self) -> Any:
        """The transformers model itself, whose layers hold what an adapter put into them."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.model.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        dtype: torch.dtype = self.model.dtype
        return dtype

    @property
    def n_parameters(self) -> int:
        """Number of weights, shared ones once."""
        from promptsci.lm.packed_linear import n_packed_weights

        unpacked: int = sum(map(n_weights, self.model.parameters()))
        return unpacked + n_packed_weights(self.model)

    @property
    def text_config(self) -> Any:
        """The configuration of the text part."""
        return self.model.config.get_text_config()


def load_model(
    path: Path,
    *,
    dtype: str = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    trainable: bool = False,
) -> LoadedModel:
    """The causal LM in a folder of safetensors.

    Args:
        path: the folder.
        dtype: ``auto`` is bfloat16 where the processor multiplies it natively, float32 elsewhere; ``nf4`` reads linear
            layers into four bits.
        device: ``auto`` is the GPU when there is one.
        trust_remote_code: whether Python code in the folder may run.
        trainable: whether layers are kept in a form that a gradient can pass; all weights are frozen all the same.

    Raises:
        ModelError: the weights cannot be read, are not a causal LM's, or the dtype is unknown.
    """
    import torch

    from promptsci.lm.blocks import use_blocks

    if dtype not in DTYPES:
        raise ModelError(f"there is no dtype '{dtype}'", fix=did_you_mean(dtype, DTYPES))
    chosen_device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    how: dict[str, Any] = (
        four_bit_loading(chosen_device) if dtype == NF4 else {"dtype": getattr(torch, pick_dtype(dtype, chosen_device))}
    )
    model, found = _read_weights(path, {**how, "trust_remote_code": trust_remote_code})
    _refuse_missing(found, path)
    if dtype != NF4:  # four bits are made where they stay
        model.to(chosen_device)
    model.eval().requires_grad_(False)
    if model.device.type == "cpu" and dtype != NF4:
        (use_blocks if trainable else suit_cpu)(model)
    return LoadedModel(model, Path(path), context_length(model.config.get_text_config()))


def _read_weights(path: Path, how: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The model, and what transformers says of names that it missed."""
    from safetensors import SafetensorError

    with quiet():
        from transformers import AutoModelForCausalLM

        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                path, output_loading_info=True, use_safetensors=True, local_files_only=True, **how
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"cannot load the model: {first_line(error)}",
                where=str(path),
                fix="It must be a causal LM that transformers knows, with its weights in safetensors.",
            ) from error
    model, found = loaded
    return model, found


def suit_cpu(model: Any) -> None:
    """Makes a frozen model multiply the way that CPUs are fastest at."""
    import torch

    from promptsci.lm.attention import use_products
    from promptsci.lm.packed_linear import can_pack, pack_linears

    if model.dtype == torch.bfloat16:
        use_products(model)
    if can_pack(model):
        pack_linears(model)


def _refuse_missing(found: Mapping[str, Any], path: Path) -> None:
    """Raises ModelError when weights are missing: transformers would make them up at random."""
    missing = sorted({*found["missing_keys"], *(key for key, *_ in found.get("mismatched_keys", ()))})
    if missing:
        raise ModelError(
            f"{len(missing)} weights are missing, among them {missing[0]}",
            where=str(path),
            fix="The folder holds another kind of model, or was not saved whole. Fetch or save it again.",
        )


def pick_dtype(dtype: str, device: str) -> str:
    """The dtype that ``auto`` stands for on a device."""
    import torch

    if dtype != "auto":
        return dtype
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "bfloat16" if _cpu_multiplies_bfloat16() else "float32"


def _cpu_multiplies_bfloat16() -> bool:
    """Whether the CPU has bfloat16 dot products; elsewhere bfloat16 is emulated, and slower than float32."""
    import torch

    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    names = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")
    return any(bool(capabilities.get(name)) for name in names)


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Transformers without progress bars and advice on stderr; errors still come through."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]
