"""Back-translation: through another language and home again, by any pair of translation models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from promptsci.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 16
LONGER = 2
"""A translation may have so many times the tokens of the text, and a few more."""


class Translator:
    """One translation model, from a folder or the Hub.

    Raises:
        ModelError: it cannot be loaded, or does not translate.
    """

    def __init__(self, name: str | Path) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        from promptsci.lm.load import first_line, quiet

        fix = "Give a translation model such as Helsinki-NLP/opus-mt-en-de, or a folder; pip install sentencepiece."
        try:
            with quiet():
                self.tokenizer: Any = AutoTokenizer.from_pretrained(name)
                self.model: Any = AutoModelForSeq2SeqLM.from_pretrained(name, use_safetensors=True).eval()
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise ModelError(
                f"cannot load a translation model: {first_line(error)}", where=str(name), fix=fix
            ) from error

    @property
    def longest(self) -> int:
        """The longest text that the model holds, in tokens."""
        return int(min(getattr(self.model.config, "max_position_embeddings", 512), self.tokenizer.model_max_length))

    def fits(self, text: str) -> bool:
        """Whether a text can be translated whole."""
        return len(self.tokenizer(text)["input_ids"]) <= self.longest

    def __call__(self, texts: Sequence[str], seed: int, *, sample: bool) -> list[str]:
        """The translation of each text, which must fit; with ``sample`` drawn, else the best of four beams."""
        import torch

        found: list[str] = []
        for start in range(0, len(texts), BATCH):
            batch = self.tokenizer(list(texts[start : start + BATCH]), return_tensors="pt", padding=True)
            batch.pop("token_type_ids", None)
            ways = {"do_sample": True, "top_p": 0.9} if sample else {"num_beams": 4}
            room = min(LONGER * batch["input_ids"].shape[1] + 8, self.longest - 1)
            with torch.inference_mode(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed + start)
                ids = self.model.generate(**batch, **ways, max_length=None, max_new_tokens=room)
            found += self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return found


class BackTranslator:
    """Texts through another language and home again; the way out is drawn, so that each turn gives another text.

    A text that one of the models does not hold whole is given back as it is, rather than cut.
    """

    def __init__(self, there: str | Path, back: str | Path) -> None:
        self.there, self.back = Translator(there), Translator(back)

    def __call__(self, texts: Sequence[str], seed: int) -> list[str]:
        """The text that each has become."""
        found = list(texts)
        out = [place for place, text in enumerate(texts) if self.there.fits(text)]
        foreign = dict(zip(out, self.there([texts[place] for place in out], seed, sample=True), strict=True))
        home = [place for place in out if foreign[place].strip() and self.back.fits(foreign[place])]
        returned = self.back([foreign[place] for place in home], seed, sample=False)
        for place, text in zip(home, returned, strict=True):
            found[place] = text
        return found
