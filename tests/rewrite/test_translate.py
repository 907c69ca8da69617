from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.errors import ModelError
from promptsci.rewrite import BackTranslator

TEXTS = ["We follow the cited work.", "Their model was trained on abstracts in biology."]


@pytest.fixture(scope="module")
def marian(tiny_tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders, each with a Marian model of one layer, random, and the tiny tokenizer."""
    import shutil

    import torch
    from transformers import MarianConfig, MarianMTModel

    folders = []
    for seed in (0, 1):
        folder = tmp_path_factory.mktemp(f"marian-{seed}")
        shutil.copytree(tiny_tokenizer_folder, folder, dirs_exist_ok=True)
        config = MarianConfig(
            vocab_size=400, decoder_vocab_size=400, d_model=16, encoder_layers=1, decoder_layers=1,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
            max_position_embeddings=64, pad_token_id=2, eos_token_id=1, bos_token_id=0, decoder_start_token_id=2,
            forced_eos_token_id=None, init_std=0.5,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            MarianMTModel(config).save_pretrained(folder)
        folders.append(folder)
    return folders


def test_a_pair_of_local_models_translates_there_and_back(marian: list[Path]) -> None:
    """A text for each text; the same seed gives the same, another seed another, and global randomness stays."""
    import torch

    through = BackTranslator(*marian)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()

    first, again, other = (through(TEXTS, seed) for seed in (0, 0, 1))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert len(first) == 2
    assert first == again
    assert first != other


def test_a_text_that_is_too_long_is_given_back_whole(marian: list[Path]) -> None:
    """Nothing is cut: what a model does not hold stays as it is, and others are translated."""
    long = "word " * 200

    found = BackTranslator(*marian)([long, TEXTS[0]], 0)

    assert found[0] == long
    assert found[1] != TEXTS[0]


def test_what_does_not_translate_is_refused(tiny_lm_folder: Path, tmp_path: Path) -> None:
    """A causal LM and an empty folder are no translation models; the error says which would be."""
    for folder in (tiny_lm_folder, tmp_path):
        with pytest.raises(ModelError, match="opus-mt"):
            BackTranslator(folder, folder)
