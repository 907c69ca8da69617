from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptsci.errors import ModelError
from promptsci.lm import fetch, is_encoder, resolve_causal


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, True),
        ({"model_type": "bert", "is_decoder": True}, False),
        ({"model_type": "llama"}, False),
        ({}, False),
        ([], False),
    ],
)
def test_config_tells_an_encoder(tmp_path: Path, config: object, expected: bool) -> None:
    """The family decides, unless the model was made a decoder; what cannot be read is left to the loader."""
    (tmp_path / "config.json").write_text(json.dumps(config))

    assert is_encoder(tmp_path) is expected
    assert is_encoder(tmp_path / "nowhere") is False


def test_a_causal_lm_is_found(tiny_lm_folder: Path) -> None:
    """A decoder's folder is resolved as ever."""
    assert resolve_causal(str(tiny_lm_folder)).path == tiny_lm_folder


def test_an_encoder_is_refused_before_it_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """``model=minilm`` for scoring is answered with what it is for, and nothing is downloaded."""
    monkeypatch.setattr(fetch, "_ensure", lambda *_: pytest.fail("something is fetched"))
    with pytest.raises(ModelError, match=r"is an encoder.*\n.*tune --head task=TASK model=minilm.*model=smollm2-135m"):
        resolve_causal("minilm")


def test_an_encoder_in_a_folder_is_refused(tiny_encoder_folder: Path) -> None:
    """A BERT of the user's would load as a causal LM and score nonsense; it is refused by its config."""
    with pytest.raises(ModelError, match="is an encoder"):
        resolve_causal(str(tiny_encoder_folder))
