"""Texts as vectors: the body of an encoder, and the mean of its tokens' vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from promptsci.errors import ModelError
from promptsci.lm.context import context_length
from promptsci.lm.folder import ModelFolder
from promptsci.lm.load import first_line, quiet

BATCH = 32


class Embedder:
    """Turns texts into vectors of length one, each text once; the encoder is loaded when the first is asked for.

    Attributes:
        n_cut: texts that were longer than the encoder holds and lost their end.

    Source: mean pooling as in Reimers and Gurevych 2019 (Sentence-BERT).
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self.n_cut = 0
        self._body: Any = None
        self._tokenizer: Any = None
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def sha256(self) -> str:
        """Which encoder it is."""
        return self.folder.sha256

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [N, H] of texts, in float32; a text longer than the encoder holds loses its end.

        Raises:
            ModelError: the encoder cannot be loaded.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            self._known.update(zip(part, self._vectors(part), strict=True))
        return np.stack([self._known[text] for text in texts])

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        if self._body is None:
            self._load()
        limit = context_length(self._body.config.get_text_config())
        rows = self._tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        self.n_cut += sum(len(ids) > limit for ids in self._tokenizer(texts, verbose=False)["input_ids"])
        asked = {name: rows[name].to(self._body.device) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            hidden = self._body(**asked).last_hidden_state
            mean = mean_of_tokens(hidden, asked["attention_mask"])
            vectors: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
        return vectors

    def _load(self) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(self.folder.path, local_files_only=True)
        self._body = load_body(self.folder.path).eval().requires_grad_(False)
        self._body.to("cuda" if torch.cuda.is_available() else "cpu")


def mean_of_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The mean [B, H] of the hidden states [B, T, H] of real tokens."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    mean: torch.Tensor = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
    return mean


def load_body(path: Path) -> Any:
    """The body of the model in a folder, in float32.

    Raises:
        ModelError: the weights cannot be read, or some are missing.
    """
    from safetensors import SafetensorError

    with quiet():
        from transformers import AutoModel

        try:
            body, found = AutoModel.from_pretrained(
                path, dtype=torch.float32, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"cannot load the model: {first_line(error)}",
                where=str(path),
                fix="It must be a model that transformers knows, with its weights in safetensors.",
            ) from error
    missing = sorted(key for key in found["missing_keys"] if "pooler" not in key)
    if missing:
        raise ModelError(f"{len(missing)} weights are missing, among them {missing[0]}", where=str(path))
    if hasattr(body, "pooler"):
        body.pooler = None  # BERT's own summary of a text, which is not used here
    return body
