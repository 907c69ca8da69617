"""What a training will hold in memory, estimated before it starts, and what gives way when that is too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import TuneError
from promptsci.lm.four_bit import BYTES_A_WEIGHT, NF4
from promptsci.lm.head import HEAD_ROWS
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import Recipe

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel

MOST_PACK_TOKENS = 4096
LEAST_PACK_TOKENS = 256
SHARE_OF_FREE = 0.8
"""Of the free memory; the rest is for what an estimate does not see."""
PROGRAM_BYTES = 600 * 2**20
"""Python, PyTorch and transformers before any weight."""


@dataclass(frozen=True)
class Need:
    """Bytes that a training holds, and the settings they belong to.

    Attributes:
        parameters: weights of the model with what is trained on it.
        trainable: those that learn.
        weights: bytes of all weights.
        learning: bytes of gradients and the optimizer's two averages.
        activations: bytes kept for the gradient of one pass.
        logits: bytes of the few positions whose logits are held at once.
        pack_tokens: tokens in one pass.
        checkpointing: whether layers are computed again instead of kept.
        free: bytes free before anything is loaded.
    """

    parameters: int
    trainable: int
    weights: int
    learning: int
    activations: int
    logits: int
    pack_tokens: int
    checkpointing: bool
    free: int

    @property
    def total(self) -> int:
        """All of them, in bytes."""
        return PROGRAM_BYTES + self.weights + self.learning + self.activations + self.logits

    def to_json(self) -> dict[str, Any]:
        """The estimate by name."""
        return {**asdict(self), "total": self.total}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Need:
        """The estimate that was stored."""
        return cls(**{name: value for name, value in stored.items() if name != "total"})


def need_of(path: Path, recipe: Recipe, lessons: Sequence[Lesson], dtype: str) -> Need:
    """What training this model takes, with the largest passes that fit the free memory.

    Args:
        path: the model's folder; its weights are not read.
        recipe: how it is trained.
        lessons: what it learns from; a pass is never larger than a step of them needs.
        dtype: precision of the frozen weights.

    Raises:
        TuneError: too little memory even for the smallest passes; the next smaller setting is named.
    """
    free = free_bytes()
    widest = _widest(lessons, recipe)
    shape = _shape(path, recipe)
    sizes = [recipe.pack_tokens] if recipe.pack_tokens else _sizes(widest)
    ways = {"auto": (False, True), "on": (True,), "off": (False,)}[recipe.checkpointing]
    # A prefix is given as keys and values, which layers that are computed again would not see.
    ways = (False,) if recipe.method == "prefix" else ways
    item = 4 if dtype == "float32" or recipe.method == "full" else 2
    in_four_bits = shape.linear if dtype == NF4 else 0
    weights = int((shape.parameters - in_four_bits) * item + in_four_bits * BYTES_A_WEIGHT)
    tried = [_need(shape, (item, weights), size, free, checkpointing=way) for way in ways for size in sizes]
    fitting = next((need for need in tried if need.total <= SHARE_OF_FREE * free), None)
    if fitting is not None:
        return fitting
    least = min(tried, key=lambda need: need.total)
    raise TuneError(
        f"training needs about {least.total / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free", fix=_smaller(recipe)
    )


def _smaller(recipe: Recipe) -> str:
    """The next smaller setting."""
    if recipe.checkpointing == "off":
        return "Use checkpointing=auto."
    if recipe.pack_tokens > LEAST_PACK_TOKENS:
        return f"Use pack_tokens={LEAST_PACK_TOKENS}."
    if recipe.method == "full" and recipe.train == "all":
        return "Use train=last-2, or --lora."
    return "Use --dtype bfloat16, --4bit on a CUDA GPU, or a smaller model."


def _sizes(widest: int) -> list[int]:
    """Passes to try, from one that holds a whole step down to the least."""
    size = LEAST_PACK_TOKENS
    sizes = [size]
    while size < min(widest, MOST_PACK_TOKENS):
        size *= 2
        sizes.append(size)
    return sizes[::-1]


def _widest(lessons: Sequence[Lesson], recipe: Recipe) -> int:
    """Tokens of a step whose lessons share nothing and are as long as they come."""
    lengths = [
        sum(len(asked.prompt) + sum(map(len, asked.choices)) for asked in lesson.asked(recipe.objective))
        for lesson in lessons
    ]
    return sum(sorted(lengths, reverse=True)[: recipe.batch])


def free_bytes() -> int:
    """Bytes free on the GPU if there is one, otherwise in main memory."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


@dataclass(frozen=True)
class _Shape:
    parameters: int
    trainable: int
    linear: int
    layers: int
    hidden: int
    inner: int
    vocabulary: int


def _shape(path: Path, recipe: Recipe) -> _Shape:
    """Numbers of the model and the method, from a model without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from promptsci.lm.context import context_length
    from promptsci.lm.load import LoadedModel, quiet
    from promptsci.tune.methods import make_trainable

    with quiet(), torch.device("meta"):
        config = AutoConfig.from_pretrained(path, local_files_only=True)
        model = AutoModelForCausalLM.from_config(config).requires_grad_(False)  # type: ignore[no-untyped-call]
        text = config.get_text_config()
        linear = sum(part.weight.numel() for part in model.modules() if isinstance(part, torch.nn.Linear))
        linear -= model.get_output_embeddings().weight.numel()  # which stays whole
        loaded: LoadedModel = LoadedModel(model, path, context_length(text))
        tuned = make_trainable(loaded, recipe, 0)
    parts = list(tuned.model.parameters())
    return _Shape(
        parameters=sum(part.numel() for part in parts),
        trainable=sum(part.numel() for part in parts if part.requires_grad),
        linear=linear,
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        inner=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        vocabulary=text.vocab_size,
    )


def _need(shape: _Shape, bytes_: tuple[int, int], size: int, free: int, *, checkpointing: bool) -> Need:
    item, weights = bytes_  # of a number that is computed with, and of all weights
    # What autograd keeps of one token in one layer: inputs of norms and products, queries to values and rotations,
    # attention's output; gate, up, their activation and product.
    layer = 14 * shape.hidden + 5 * shape.inner
    kept = shape.layers * shape.hidden + layer if checkpointing else shape.layers * layer
    return Need(
        parameters=shape.parameters,
        trainable=shape.trainable,
        weights=weights,
        learning=12 * shape.trainable,
        activations=kept * size * item,
        logits=3 * 4 * HEAD_ROWS * shape.vocabulary,
        pack_tokens=size,
        checkpointing=checkpointing,
        free=free,
    )
