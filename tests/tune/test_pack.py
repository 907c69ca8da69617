from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from promptsci.lm import blocks, head
from promptsci.lm.blocks import use_blocks
from promptsci.tune import pack as packing
from promptsci.tune.grid import loss
from promptsci.tune.pack import packs
from promptsci.tune.padded import padded

METHODS = ["lora", "dora", "prefix", "prompt-tuning", "ia3", "full"]


def gradient(loaded: Any, batches: list[Any], objective: str) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of all batches, and its gradient by name of the weight."""
    loaded.model.zero_grad()
    total = 0.0
    for batch in batches:
        part = loss(objective, batch.nats(loaded), batch.grid, smoothing=0.1 if objective == "choice" else 0.0)
        part.backward()
        total += part.item()
    learning = {name: part for name, part in loaded.model.named_parameters() if part.requires_grad}
    assert all(part.grad is not None for part in learning.values())
    return total, {name: part.grad.clone() for name, part in learning.items()}


def distance(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> float:
    """The largest difference of a weight's gradients, as a share of the gradient's norm."""
    assert some.keys() == others.keys()
    largest = max(float(each.norm()) for each in others.values())
    return max(float((some[k] - others[k]).norm() / (others[k].norm() + 1e-6 * largest)) for k in some)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma3_text", "qwen3"])
@pytest.mark.parametrize("method", METHODS)
def test_packs_have_the_gradient_of_the_padded_loop(
    family: str, method: str, trainable: Callable, lessons: list
) -> None:
    """Loss and gradient of packs are those of padded batches (1e-4 relative, float32), however packs are cut."""
    loaded = trainable(family, method)
    value, expected = gradient(loaded, padded(lessons, "choice", 10_000), "choice")

    for budget in (1, 120, 10_000):
        ours, found = gradient(loaded, packs(lessons, "choice", budget), "choice")
        assert ours == pytest.approx(value, rel=1e-5)
        assert distance(found, expected) < 1e-4


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gpt2"])
@pytest.mark.parametrize("method", ["lora", "prefix", "prompt-tuning", "full"])
def test_blocks_have_the_gradient_of_the_padded_loop(
    family: str, method: str, trainable: Callable, lessons: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attention block by block gives the same loss and gradient, in blocks that cut prompts and prefixes too."""
    loaded = trainable(family, method)
    value, expected = gradient(loaded, padded(lessons, "choice", 10_000), "choice")
    use_blocks(loaded.base)
    divided = []
    monkeypatch.setattr(
        blocks, "_blocks", lambda *given, make=blocks._blocks: divided.append(make(*given)) or divided[-1]
    )
    for size in (1, 7, 40):
        monkeypatch.setattr(blocks, "BLOCK_TOKENS", size)
        ours, found = gradient(loaded, packs(lessons, "choice", 10_000), "choice")
        assert ours == pytest.approx(value, rel=1e-5)
        assert distance(found, expected) < 1e-4
    assert all(len(one.sizes) > 1 and sum(one.seen) for one in divided)
    assert len(divided) == 3 * (2 if family == "gemma3_text" else 1)


class Logits(TorchDispatchMode):
    """Watches every tensor that has a column for each word of the vocabulary; views of the head's weight apart."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = weight
        self.most_rows = 0
        self.made: list[weakref.ref[torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for part in tree_leaves(out):
            is_logits = isinstance(part, torch.Tensor) and part.ndim > 1 and part.shape[-1] == len(self.weight)
            if is_logits and part.untyped_storage().data_ptr() != self.weight.untyped_storage().data_ptr():
                self.most_rows = max(self.most_rows, part.numel() // len(self.weight))
                self.made.append(weakref.ref(part))
        return out

    @property
    def n_alive(self) -> int:
        """How many of them are still held."""
        return sum(one() is not None for one in self.made)


@pytest.mark.parametrize("objective", ["choice", "lm"])
@pytest.mark.parametrize("method", ["lora", "prompt-tuning"])
def test_logits_of_a_pack_are_never_all_there(
    method: str, objective: str, trainable: Callable, lessons: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forward and backward hold the vocabulary for HEAD_ROWS positions at a time, and keep none of it for the gradient.

    So a vocabulary of 262,144 takes 128 MiB a time and not 1 MiB a token; the gradient is that of all logits at once.
    """
    loaded = trainable("llama", method)
    (pack,) = packs(lessons, objective, 10_000)
    _, expected = gradient(loaded, [pack], objective)
    monkeypatch.setattr(head, "HEAD_ROWS", 2)
    loaded.model.zero_grad()
    with Logits(loaded.base.get_output_embeddings().weight) as logits:
        value = loss(objective, pack.nats(loaded), pack.grid)
        n_kept, n_made = logits.n_alive, len(logits.made)
        value.backward()
    _, found = gradient(loaded, [pack], objective)

    assert len(pack.rows.unique()) > 3 * head.HEAD_ROWS
    assert n_made > 3
    assert (logits.most_rows, n_kept) == (head.HEAD_ROWS, 0)
    assert len(logits.made) > n_made  # computed again
    assert distance(found, expected) < 1e-4


@pytest.mark.parametrize("method", ["lora", "prefix"])
def test_the_lm_objective_too(method: str, trainable: Callable, lessons: list) -> None:
    """Where the right answer alone is learned, packs have the padded loop's gradient as well."""
    loaded = trainable("llama", method)
    value, expected = gradient(loaded, padded(lessons, "lm", 10_000), "lm")
    ours, found = gradient(loaded, packs(lessons, "lm", 10_000), "lm")

    assert ours == pytest.approx(value, rel=1e-5)
    assert distance(found, expected) < 1e-4


@pytest.mark.parametrize("method", ["lora", "prefix"])
def test_documents_against_each_other_too(method: str, trainable: Callable, judged: list) -> None:
    """Where documents of one question are held against each other, packs have the padded loop's gradient as well."""
    loaded = trainable("llama", method)
    value, expected = gradient(loaded, padded(judged, "pairs", 10_000), "pairs")

    for budget in (1, 60, 10_000):
        ours, found = gradient(loaded, packs(judged, "pairs", budget), "pairs")
        assert ours == pytest.approx(value, rel=1e-5)
        assert distance(found, expected) < 1e-4


@pytest.mark.parametrize("objective", ["choice", "lm"])
def test_several_right_choices_too(objective: str, trainable: Callable, lessons: list) -> None:
    """Where choices form groups with a right one in each, packs have the padded loop's gradient as well."""
    loaded = trainable("llama", "lora")
    grouped = [replace(lesson, gold=(number % 2, 2 + number // 2 % 2)) for number, lesson in enumerate(lessons[::2])]
    grouped = [lesson for lesson in grouped if len(lesson.query.choice_ids) == 4]
    value, expected = gradient(loaded, padded(grouped, objective, 10_000), objective)

    for budget in (1, 10_000):
        ours, found = gradient(loaded, packs(grouped, objective, budget), objective)
        assert ours == pytest.approx(value, rel=1e-5)
        assert distance(found, expected) < 1e-4


def test_layers_computed_again_have_the_same_gradient(trainable: Callable, lessons: list) -> None:
    """Checkpointed layers change memory, not the gradient."""
    from promptsci.tune.train import _checkpoint_layers

    loaded = trainable("llama", "lora")
    _, kept = gradient(loaded, packs(lessons, "choice", 10_000), "choice")
    _checkpoint_layers(loaded)
    loaded.model.train()  # layers are computed again in training only; Llama has no dropout
    _, again = gradient(loaded, packs(lessons, "choice", 10_000), "choice")

    assert distance(again, kept) < 1e-5


def test_a_wrong_mask_shows(trainable: Callable, lessons: list, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison has teeth: with siblings in sight the gradient is another one."""
    loaded = trainable("llama", "lora")
    _, expected = gradient(loaded, padded(lessons, "choice", 10_000), "choice")
    true_masks = packing.masks

    def all_before(loaded: Any, kinds: Any, visible: torch.Tensor, *rest: Any) -> Any:
        return true_masks(loaded, kinds, torch.ones_like(visible).tril(), *rest)

    monkeypatch.setattr(packing, "masks", all_before)
    _, found = gradient(loaded, packs(lessons, "choice", 10_000), "choice")

    assert distance(found, expected) > 0.1


def test_every_lesson_is_read_once_within_the_budget(lessons: list) -> None:
    """Packs hold all lessons once, only a lesson alone is longer than the budget, and less is read."""
    for budget in (1, 60, 90, 10_000):
        made = packs(lessons, "choice", budget)
        held = sorted(lesson.id for pack in made for lesson in pack.lessons)
        assert held == sorted(lesson.id for lesson in lessons)
        assert all(pack.n_tokens <= budget or len(pack.lessons) == 1 for pack in made)

    (whole,) = packs(lessons, "choice", 10_000)
    assert whole.n_tokens < sum(lesson.n_tokens("choice") for lesson in lessons) / 3


def test_nothing_is_made_of_nothing() -> None:
    """No lessons, no packs."""
    assert packs([], "choice", 100) == []
