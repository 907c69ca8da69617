from __future__ import annotations

from pathlib import Path

import pytest
import torch

from promptsci.errors import ModelError
from promptsci.lm.embed import load_body
from promptsci.tune.head_model import HeadModel, HeadShape, pooled

LABELS = ("a", "b", "c")


@pytest.mark.parametrize(("pooling", "folder"), [("mean", "tiny_encoder_folder"), ("last", "tiny_lm_folder")])
def test_padding_changes_nothing(pooling: str, folder: str, request: pytest.FixtureRequest) -> None:
    """A text has the same outputs alone and beside a longer one."""
    model = HeadModel(load_body(request.getfixturevalue(folder)), HeadShape(LABELS, pooling)).eval()
    short, long = torch.tensor([[5, 6, 7]]), torch.tensor([[9, 8, 7, 6, 5, 4]])
    both = torch.cat([torch.nn.functional.pad(short, (0, 3), value=2), long])
    mask = torch.tensor([[1, 1, 1, 0, 0, 0], [1] * 6])

    together = model(both, mask)
    torch.testing.assert_close(together[0], model(short, torch.ones_like(short))[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(together[1], model(long, torch.ones_like(long))[0], atol=1e-5, rtol=0)


def test_pooling_is_what_it_is_called() -> None:
    """The mean of the real tokens, the last real token, or all of them."""
    hidden = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])

    assert pooled(hidden, mask, "mean").tolist() == [[1, 2], [8, 9]]
    assert pooled(hidden, mask, "last").tolist() == [[2, 3], [10, 11]]
    assert pooled(hidden, mask, "tokens") is hidden


def test_a_frozen_body_stays_as_it_is(tiny_encoder_folder: Path) -> None:
    """Only the layer has gradients, and the body has no dropout even in training."""
    model = HeadModel(load_body(tiny_encoder_folder), HeadShape(LABELS, "mean", frozen=True)).train()
    ids = torch.tensor([[5, 6, 7]])
    hidden = [model.body(input_ids=ids).last_hidden_state for _ in range(2)]

    assert model.n_trainable == 32 * 3 + 3
    assert torch.equal(*hidden)
    assert model.linear.training
    assert HeadModel(load_body(tiny_encoder_folder), HeadShape(LABELS, "mean")).train().body.training


def test_missing_weights_are_refused(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    """Transformers would make them up at random."""
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_encoder_folder, tmp_path / "cut")
    weights = load_file(tmp_path / "cut" / "model.safetensors")
    weights.pop("encoder.layer.0.output.dense.weight")
    save_file(weights, tmp_path / "cut" / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="1 weights are missing, among them encoder"):
        load_body(tmp_path / "cut")
