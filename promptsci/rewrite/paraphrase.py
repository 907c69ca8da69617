"""Paraphrases by the language model that is at hand."""

from __future__ import annotations

from collections.abc import Sequence

from promptsci.lm import LM, Generation
from promptsci.prompt import Encoder, Prompt

INSTRUCTION = (
    "Rewrite the text in other words. Keep its meaning, its names, its numbers and its citations. "
    "Answer with the rewritten text alone."
)
LONGER = 1.5
"""A paraphrase may have so many times the tokens of the text, and a few more."""


class Paraphraser:
    """Writes texts anew with a language model, one line each; what is drawn depends on the seed and the text."""

    def __init__(self, lm: LM, encoder: Encoder, temperature: float = 0.7) -> None:
        self.lm = lm
        self.encoder = encoder
        self.temperature = temperature

    def __call__(self, texts: Sequence[str], seed: int) -> list[str]:
        """The paraphrase of each text; a text is given back where the model wrote nothing."""
        queries = self.encoder.encode([Prompt(INSTRUCTION, (), f"Text: {text}\nRewritten:", ()) for text in texts])
        longest = max(len(self.encoder.tokenizer.encode([text])[0].ids) for text in texts)
        how = Generation(int(LONGER * longest) + 8, stop=("\n",), temperature=self.temperature, seed=seed)
        found = list(texts)
        for number, generated in self.lm.generate(queries, how):
            # A text that the limit has cut off says less than its parent.
            whole = generated.finished_by in ("end", "stop")
            found[number] = generated.text.strip() if whole and generated.text.strip() else texts[number]
        return found
