"""From a Prompt to token ids and an answer mask: what ``run`` scores and ``tune`` trains on.

The ids of prompt and answer are those of the whole text tokenised at once. A token that spans the join would make the answer
begin inside a token; it is counted, and then prompt and answer are tokenised apart, as the model would read a typed answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from promptsci.errors import PromptError
from promptsci.prompt.assembly import Format, Prompt

if TYPE_CHECKING:
    from promptsci.prompt.tokenizer import Tokenizer

TAIL_CHARACTERS = 48
"""How much of a prompt's end is read again with each answer; longer than any word that could merge across the join."""


@dataclass(frozen=True, slots=True)
class Query:
    """A prompt and the choices whose log-likelihood is asked, as text and as token ids ``[T]``."""

    text: str
    ids: NDArray[np.int32]
    choices: tuple[str, ...]
    choice_ids: tuple[tuple[int, ...], ...]

    @property
    def n_prompt_tokens(self) -> int:
        """Tokens before the answer."""
        return len(self.ids)


class Encoder:
    """Turns Prompts into Queries for one model and one format; remembers what it has tokenised.

    ``spanning`` counts the (prompt end, answer) pairs whose join a token spans.
    """

    def __init__(self, tokenizer: Tokenizer, format: Format) -> None:  # noqa: A002 - the design's word for it
        self.tokenizer = tokenizer
        self.format = format
        self.spanning = 0
        self._answers: dict[tuple[str, str], tuple[int, ...]] = {}

    def text(self, prompt: Prompt) -> str:
        """The text that the model reads before it answers."""
        if self.format == "plain":
            return prompt.plain()
        return self.tokenizer.chat(prompt.turns() if self.format == "chat" else prompt.one_turn())

    def answer(self, words: str) -> str:
        """An answer as it follows the prompt: with its space in plain text, bare after a chat header."""
        return f" {words}" if self.format == "plain" else words

    def encode(self, prompts: Sequence[Prompt]) -> list[Query]:
        """The Query of each prompt.

        Raises:
            PromptError: an answer has no tokens.
        """
        texts = [self.text(prompt) for prompt in prompts]
        # Chat templates write the start token themselves.
        start = list(self.tokenizer.start_ids) if self.format == "plain" else []
        encodings = self.tokenizer.encode(texts)
        return [
            Query(text, np.asarray(start + encoding.ids, dtype=np.int32), prompt.choices,
                  tuple(self._choice_ids(text, encoding.ids, encoding.offsets, prompt.choices)))
            for text, encoding, prompt in zip(texts, encodings, prompts, strict=True)
        ]  # fmt: skip

    def _choice_ids(
        self, text: str, ids: list[int], offsets: list[tuple[int, int]], choices: Iterable[str]
    ) -> list[tuple[int, ...]]:
        cut = _cut(text, offsets)
        tail = text[offsets[cut][0] :] if cut else text
        return [
            self._behind(tail, ids[cut:], self.answer(words)) or self._behind(text, ids, self.answer(words), last=True)
            for words in choices
        ]

    def _behind(self, end: str, end_ids: list[int], answer: str, *, last: bool = False) -> tuple[int, ...]:
        """Ids of an answer behind the end of a prompt; none when the two cannot be told apart there and this is not the last try."""
        known = self._answers.get((end, answer))
        if known is not None:
            return known
        joint = self.tokenizer.encode([end + answer])[0].ids
        if joint[: len(end_ids)] == end_ids:
            found = tuple(joint[len(end_ids) :])
        elif last:
            self.spanning += 1
            found = tuple(self.tokenizer.encode([answer])[0].ids)
        else:
            return ()
        if last and not found:
            raise PromptError(f"the answer {answer!r} has no tokens", fix="Give the choice words that the model can read.")
        self._answers[(end, answer)] = found
        return found


def _cut(text: str, offsets: list[tuple[int, int]]) -> int:
    """A token index near the prompt's end at which tokenisation can start afresh: a token that begins with white space.

    Words are split before white space by every tokenizer in use, so what stands left of the cut cannot change what is right of it.
    """
    floor = max(0, len(text) - TAIL_CHARACTERS)
    best = 0
    for index in range(len(offsets) - 1, -1, -1):
        start = offsets[index][0]
        if start < floor:
            break
        # Only a space that stands alone: runs of white space are split differently when they stand at the start.
        if text[start] == " " and start > 0 and not text[start - 1].isspace() and not text[start + 1 : start + 2].isspace():
            best = index
    return best
