from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promptsci.lm.embed import Embedder
from promptsci.lm.resolve import resolve

TEXTS = ["We follow the method of the cited work.", "Their results differ", "We follow"]


@pytest.fixture
def embedder(tiny_encoder_folder: Path) -> Embedder:
    """An embedder on the tiny encoder."""
    return Embedder(resolve(str(tiny_encoder_folder)))


def test_a_text_has_one_vector_of_length_one_whatever_stands_beside_it(embedder: Embedder) -> None:
    """Alone or in a batch with longer texts, a text's vector is the same mean of its tokens' vectors."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    together = embedder(TEXTS)
    tokenizer = AutoTokenizer.from_pretrained(embedder.folder.path)
    body = AutoModel.from_pretrained(embedder.folder.path, add_pooling_layer=False).eval()
    for text, vector in zip(TEXTS, together, strict=True):
        with torch.inference_mode():
            hidden = body(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, hidden / hidden.norm(), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_each_text_goes_through_the_encoder_once(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again, or twice in one call, a text's vector is remembered."""
    first = embedder([*TEXTS, TEXTS[0]])
    monkeypatch.setattr(embedder, "_vectors", lambda _texts: pytest.fail("it is embedded again"))

    np.testing.assert_array_equal(embedder(TEXTS), first[:3])
    np.testing.assert_array_equal(first[3], first[0])


def test_a_text_longer_than_the_encoder_holds_is_read_from_its_beginning(embedder: Embedder) -> None:
    """It is cut to the context of 64 tokens, which is counted, and does not break the batch."""
    long = "the method of the work " * 40

    np.testing.assert_allclose(embedder([long])[0], embedder([long + "gene"])[0], atol=1e-6)
    embedder(TEXTS)
    assert embedder.n_cut == 2
