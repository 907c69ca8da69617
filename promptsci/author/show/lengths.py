"""How many tokens many prompts have, without reading again what they have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence

from promptsci.prompt import Encoder, Prompt

BATCH = 64


class Lengths:
    """Counts the tokens of prompts, each with its longest answer.

    No tokenizer reads across a control token, such as those around the turns of a chat, so what stands between two of
    them is counted once, however many prompts show it. Each new ending of a prompt is also read as a run reads it; if
    the two counts ever differ, as they may where a tokenizer treats the beginning of a text otherwise, all prompts are
    read whole.

    Args:
        encoder: makes token ids.
        room: tokens kept for a written answer.
    """

    def __init__(self, encoder: Encoder, room: int) -> None:
        self.encoder = encoder
        self.room = room
        self._known: dict[str, int] = {}
        self._answers: dict[tuple[str, tuple[str, ...]], int] = {}
        tokens = encoder.tokenizer.control_tokens if encoder.format != "plain" else ()
        self._control = re.compile("|".join(map(re.escape, tokens))) if tokens else None

    def of(self, prompts: Sequence[Prompt]) -> list[int]:
        """Tokens of each prompt with its longest answer.

        Raises:
            PromptError: an answer has no tokens, or a prompt no text.
        """
        if self._control is not None:
            counted = [self._by_pieces(prompt, self._control) for prompt in prompts]
            if self._control is not None:
                return counted
        batches = [prompts[start : start + BATCH] for start in range(0, len(prompts), BATCH)]
        return [query.n_tokens(self.room) for batch in batches for query in self.encoder.encode(batch)]

    def _by_pieces(self, prompt: Prompt, control: re.Pattern[str]) -> int:
        text = self.encoder.text(prompt)
        pieces = control.split(text)
        n_tokens = len(pieces) - 1 + sum(map(self._count, pieces))
        ending = (pieces[-1], prompt.choices)
        if ending not in self._answers:
            (query,) = self.encoder.encode([prompt])
            self._answers[ending] = query.n_tokens(self.room) - len(query.ids)
            if len(query.ids) != n_tokens:
                self._control = None
        return n_tokens + self._answers[ending]

    def _count(self, piece: str) -> int:
        if piece not in self._known:
            self._known[piece] = len(self.encoder.tokenizer.encode([piece])[0].ids) if piece else 0
        return self._known[piece]
