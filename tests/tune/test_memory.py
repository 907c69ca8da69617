from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.errors import TuneError
from promptsci.tune import memory
from promptsci.tune.memory import need_of
from promptsci.tune.recipe import recipe_for


def test_weights_are_counted_as_they_are(tiny_lm_folder: Path, lessons: list) -> None:
    """Parameters and trainable ones are those of the model, though its weights are never read."""
    from promptsci.lm import count_weights
    from promptsci.lm.load import load_model
    from promptsci.tune.methods import make_trainable

    recipe = recipe_for("lora", 0)
    need = need_of(tiny_lm_folder, recipe, lessons, "float32")
    parts = list(make_trainable(load_model(tiny_lm_folder, trainable=True), recipe, 0).model.parameters())

    assert need.parameters == sum(part.numel() for part in parts)
    assert need.trainable == sum(part.numel() for part in parts if part.requires_grad)
    assert need.parameters - need.trainable == count_weights(tiny_lm_folder)
    assert memory.Need.from_json(need.to_json()) == need


def test_what_gives_way_when_memory_is_short(
    tiny_lm_folder: Path, lessons: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes become shorter first, then layers are computed again, and at last it is an error with a way out."""
    recipe = recipe_for("lora", 0)
    monkeypatch.setattr(memory, "_widest", lambda *_: 4096)
    monkeypatch.setattr(memory, "PROGRAM_BYTES", 0)
    monkeypatch.setattr(memory, "SHARE_OF_FREE", 1.0)

    def need(free: int) -> memory.Need:
        monkeypatch.setattr(memory, "free_bytes", lambda: free)
        return need_of(tiny_lm_folder, recipe, lessons, "float32")

    ample = need(10**10)
    assert (ample.pack_tokens, ample.checkpointing) == (4096, False)
    shorter = need(ample.total - 1)
    assert (shorter.pack_tokens, shorter.checkpointing) == (2048, False)
    least = need(ample.total - ample.activations + ample.activations // 16)
    assert (least.pack_tokens, least.checkpointing) == (256, False)
    again = need(least.total - 1)
    assert again.checkpointing
    with pytest.raises(TuneError, match=r"training needs about .* GiB are free"):
        need(1000)


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("full", {}, "train=last-2"),
        ("lora", {"pack_tokens": "512"}, "pack_tokens=256"),
        ("lora", {"checkpointing": "off"}, "checkpointing=auto"),
        ("lora", {}, "--dtype bfloat16"),
    ],
)
def test_too_little_memory_names_the_next_smaller_setting(
    method: str, values: dict, words: str, *, tiny_lm_folder: Path, lessons: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to try next depends on what was asked for."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 10)

    with pytest.raises(TuneError) as caught:
        need_of(tiny_lm_folder, recipe_for(method, 0, values), lessons, "float32")
    assert words in str(caught.value.fix)
