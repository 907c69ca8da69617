"""From a Prompt to token ids and an answer mask: what ``run`` scores and ``tune`` trains on.

The ids of prompt and answer are those of the whole text tokenised at once. A token that spans the join would make the
answer begin inside a token; it is counted, and then prompt and answer are tokenised apart, as if typed one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from promptsci.errors import PromptError
from promptsci.prompt.assembly import ANSWER_SPACE, Format, Prompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from promptsci.prompt.tokenizer import Tokenizer

TAIL_CHARACTERS = 256
"""How far from a prompt's end a seam is looked for; without one, the whole prompt is read again with each answer."""
MAX_REACHING = 100
"""Tokens that reach across a space and are worth looking for; with more of them, whole prompts are read again."""
MAX_KNOWN = 20_000
"""Answers remembered at a time, so that memory does not grow with the number of prompts."""

# A space behind a character that is not white space. SentencePiece vocabularies write the space as U+2581, byte-level
# ones as U+0120, and tab, newline and return as U+0109, U+010A and U+010D.
_SENTENCEPIECE_SPACE = "\u2581"
_SPACE_INSIDE_PIECE = re.compile(r"[^\s\u2581][ \u2581]")
_SPACE_INSIDE_BYTES = re.compile(r"[^\s\u0120\u0109\u010a\u010d][ \u0120]")


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

    def n_tokens(self, room: int = 0) -> int:
        """Tokens of the prompt with its longest choice, or with the room that is kept for a written answer."""
        return len(self.ids) + max(map(len, self.choice_ids), default=room)


class _End(NamedTuple):
    """The end of a prompt, from a seam on: its text and its ids."""

    text: str
    ids: tuple[int, ...]


class Encoder:
    """Turns Prompts into Queries for one model and one format; remembers what it has tokenised.

    Args:
        tokenizer: the model's.
        format: plain or chat.
        opening: ids that every prompt begins with and that the model's prefix stands for: they are left out.
    """

    def __init__(self, tokenizer: Tokenizer, format: Format, opening: Sequence[int] = ()) -> None:  # noqa: A002 - the design's word for it
        self.tokenizer = tokenizer
        self.format = format
        self.opening = tuple(opening)
        self._known: dict[tuple[_End, str], tuple[int, ...]] = {}
        self._spanning: set[int] = set()
        self._controlled: set[str] = set()

    @property
    def spanning(self) -> int:
        """How many (end of a prompt, answer) pairs there were whose join a token spans."""
        return len(self._spanning)

    @property
    def controlled(self) -> tuple[str, ...]:
        """Control tokens of the model that stand in the data, where the model reads them as its own."""
        return tuple(sorted(self._controlled))

    def text(self, prompt: Prompt) -> str:
        """The text that the model reads before it answers.

        Raises:
            PromptError: there is none.
            ModelError: the model has no chat template, or it refuses these turns.
        """
        if self.format == "plain":
            text = prompt.plain()
        else:
            text = self.tokenizer.chat(prompt.turns() if self.format == "chat" else prompt.one_turn())
        if not text:
            raise PromptError(
                "the prompt is empty", fix="Let the template's instruction or input block write something."
            )
        return text

    def answer(self, words: str) -> str:
        """An answer as it follows the prompt: with its space in plain text, bare after a chat header."""
        return f"{ANSWER_SPACE}{words}" if self.format == "plain" else words

    def ended(self, query: Query) -> Query:
        """The query with each choice ended as the model is to end an answer that it writes."""
        end = self.tokenizer.end_ids if self.format == "plain" else self.tokenizer.turn_end_ids
        return replace(query, choice_ids=tuple((*ids, *end) for ids in query.choice_ids))

    def encode(self, prompts: Sequence[Prompt]) -> list[Query]:
        """The Query of each prompt; prompts that are the same share their arrays.

        Raises:
            PromptError: an answer has no tokens, a prompt no text, or another beginning than the model's prefix.
        """
        texts = [self.text(prompt) for prompt in prompts]
        self._note_control_tokens(prompts)
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, self.tokenizer.encode(distinct), strict=True))
        # Chat templates write the start token themselves.
        start = list(self.tokenizer.start_ids) if self.format == "plain" else []
        ids = {text: self._behind_opening(text, start + encoding.ids) for text, encoding in found.items()}
        ends = {text: self._end(text, found[text].ids, found[text].offsets) for text in distinct}
        wanted = [[(ends[text], self.answer(words)) for words in prompt.choices]
                  for text, prompt in zip(texts, prompts, strict=True)]  # fmt: skip
        answers = self._answers([pair for pairs in wanted for pair in pairs])
        whole = {text: _End(text, tuple(found[text].ids)) for text in distinct}
        return [
            Query(text, ids[text], prompt.choices,
                  tuple(answers[pair] or self._whole(whole[text], pair[1]) for pair in pairs))
            for text, prompt, pairs in zip(texts, prompts, wanted, strict=True)
        ]  # fmt: skip

    def _behind_opening(self, text: str, ids: Sequence[int]) -> NDArray[np.int32]:
        """[T] the ids that are still to be read behind the model's prefix."""
        import numpy as np

        n = len(self.opening)
        if tuple(ids[:n]) != self.opening or len(ids) == n:
            raise PromptError(
                f"the prefix stands for another beginning than this prompt has: {text[:60]!r}",
                fix="Use it with the task, template and format that it was tuned with.",
            )
        return np.asarray(ids[n:], dtype=np.int32)

    def _note_control_tokens(self, prompts: Sequence[Prompt]) -> None:
        if self._control is not None:
            for prompt in prompts:
                for part in prompt.parts():
                    self._controlled.update(self._control.findall(part))

    @cached_property
    def _control(self) -> re.Pattern[str] | None:
        tokens = self.tokenizer.control_tokens
        return re.compile("|".join(map(re.escape, tokens))) if tokens else None

    def _answers(self, pairs: Sequence[tuple[_End, str]]) -> dict[tuple[_End, str], tuple[int, ...]]:
        """Ids of each answer behind its end; none where the ids of the end change with the answer behind it."""
        new = list(dict.fromkeys(pair for pair in pairs if pair not in self._known))
        joint = self.tokenizer.encode([end.text + answer for end, answer in new])
        found = {pair: self._known[pair] for pair in pairs if pair in self._known}
        for (end, answer), encoding in zip(new, joint, strict=True):
            found[end, answer] = _behind(end, encoding.ids)
        if len(self._known) + len(new) > MAX_KNOWN:
            self._known.clear()
        self._known.update({pair: found[pair] for pair in new if len(pair[0].text) <= TAIL_CHARACTERS})
        return found

    def _whole(self, prompt: _End, answer: str) -> tuple[int, ...]:
        """Ids of an answer behind the whole prompt; where a token spans the join, of the answer by itself."""
        ids = _behind(prompt, self.tokenizer.encode([prompt.text + answer])[0].ids)
        if not ids:
            ids = tuple(self.tokenizer.encode([answer])[0].ids)
            self._spanning.add(hash((prompt.text[-TAIL_CHARACTERS:], answer)))
        if not ids:
            raise PromptError(
                f"the answer {answer!r} has no tokens", fix="Give the choice words that the model can read."
            )
        return ids

    def _end(self, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> _End:
        """The shortest end of a prompt that can be tokenised by itself: from the last seam on, or all of it.

        A seam is where a special token starts, which no tokenizer reads across, or a space that stands alone and that
        no token of the vocabulary reaches across.
        """
        for index in range(len(ids) - 1, 0, -1):
            start = offsets[index][0]
            if start < len(text) - TAIL_CHARACTERS:
                break
            if ids[index] in self.tokenizer.special_ids or self._splits(text, start):
                return _End(text[start:], tuple(ids[index:]))
        return _End(text, tuple(ids))

    def _splits(self, text: str, at: int) -> bool:
        """Whether a space stands between two characters that are not white space, and no token reaches across it."""
        if text[at : at + 1] != " " or at == 0 or text[at - 1].isspace() or text[at + 1 : at + 2].isspace():
            return False  # runs of white space are split in other ways
        if self._reaching is None:
            return False
        # The answer's first characters may complete a token that reaches beyond the prompt's end.
        return not any(token.startswith(text[max(0, at - place) :][: len(token)]) for token, place in self._reaching)

    @cached_property
    def _reaching(self) -> list[tuple[str, int]] | None:
        """Tokens that hold a space behind other characters, and where it stands in them; None for too many."""
        vocabulary = self.tokenizer.vocabulary()
        sentencepiece = any(_SENTENCEPIECE_SPACE in token for token in vocabulary)
        inside = _SPACE_INSIDE_PIECE if sentencepiece else _SPACE_INSIDE_BYTES
        spaces = [(token, match.start() + 1) for token in vocabulary for match in inside.finditer(token)]
        if len(spaces) > MAX_REACHING or (spaces and not sentencepiece):
            return None
        return [(token.replace(_SENTENCEPIECE_SPACE, " "), place) for token, place in spaces]


def _behind(end: _End, joint: Sequence[int]) -> tuple[int, ...]:
    cut = len(end.ids)
    return tuple(joint[cut:]) if tuple(joint[:cut]) == end.ids else ()
