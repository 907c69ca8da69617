"""Answers that can be nothing but JSON that follows a schema: which tokens may come next, by xgrammar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from promptsci.errors import ModelError
from promptsci.lm.load import LoadedModel

CLOSING = ("}", "]", ",", '"', "0")
"""What ends an open answer soonest, in the order in which it is tried behind the model's own end."""


class Grammar:
    """A JSON Schema as the tokens of one model.

    The last tokens of an answer's limit are kept for its end: from there on an open answer takes the token that closes
    it soonest, so that it is whole when the limit is reached. How many those are follows from the schema.

    Raises:
        ModelError: xgrammar is not installed, or cannot use the schema.
    """

    def __init__(self, loaded: LoadedModel, schema: str, end_ids: Sequence[int], limit: int) -> None:
        try:
            import xgrammar
        except ImportError as error:
            fix = "Install it: pip install promptsci[schema]. Or leave --constrain out."
            raise ModelError(
                "answers can only be constrained with xgrammar, which is not installed", fix=fix
            ) from error
        from transformers import AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(loaded.path)
        self._xgrammar = xgrammar
        self.vocab_size = int(loaded.text_config.vocab_size)
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=self.vocab_size, stop_token_ids=list(end_ids)
        )
        try:
            # In plain text a space stands before the answer; the JSON itself is spaced as the program writes it.
            grammar = xgrammar.Grammar.concat(
                xgrammar.Grammar.from_regex(" ?"), xgrammar.Grammar.from_json_schema(schema, any_whitespace=False)
            )
            self._compiled = xgrammar.GrammarCompiler(info).compile_grammar(grammar)
        except RuntimeError as error:
            what = f"xgrammar cannot use the task's JSON Schema: {str(error).splitlines()[-1]}"
            raise ModelError(what, fix="Leave --constrain out.") from error
        signs = {text: ids[0] for text in CLOSING if len(ids := tokenizer.encode(text, add_special_tokens=False)) == 1}
        self._closing = [*end_ids, *signs.values()]
        self._inside_text = [signs[text] for text in ('"', "0") if text in signs]
        self._control = torch.tensor(
            [
                any(byte < 0x20 for byte in token) and place not in end_ids
                for place, token in enumerate(info.decoded_vocab)
            ]
        )
        self.reserve = min(limit // 2, 16 + _keys_length(json.loads(schema)))

    def matcher(self) -> Any:
        """What follows one answer token by token."""
        return self._xgrammar.GrammarMatcher(self._compiled)

    def allow(self, logits: torch.Tensor, matchers: Sequence[Any], n_left: Sequence[int]) -> torch.Tensor:
        """[B, V] the logits, -inf where a token may not come next.

        Args:
            logits: of the next token [B, V].
            matchers: of the rows.
            n_left: tokens that each row may still have.
        """
        masks = self._xgrammar.allocate_token_bitmask(len(matchers), self.vocab_size)
        for place, matcher in enumerate(matchers):
            matcher.fill_next_token_bitmask(masks, place)
        allowed = _unpacked(masks, logits.shape[-1])
        allowed[:, : len(self._control)] &= ~self._control  # JSON escapes them
        for place, left in enumerate(n_left):
            if left <= self.reserve:
                allowed[place] = self._soonest(allowed[place])
        return logits.masked_fill(~allowed.to(logits.device), -torch.inf)

    def _soonest(self, allowed: torch.Tensor) -> torch.Tensor:
        """Only the token that closes an answer soonest, of those that are allowed; all where none closes."""
        if len(self._inside_text) == 2 and allowed[self._inside_text].all():
            return self._only(self._inside_text[0], allowed)  # where a digit may stand too, a quote ends a text
        first = next((token for token in self._closing if allowed[token]), None)
        return allowed if first is None else self._only(first, allowed)

    @staticmethod
    def _only(token: int, allowed: torch.Tensor) -> torch.Tensor:
        only = torch.zeros_like(allowed)
        only[token] = True
        return only


def _unpacked(masks: torch.Tensor, vocab_size: int) -> torch.Tensor:
    """[B, V] whether each token is allowed, from a bit a token [B, V / 32]."""
    bits = (masks[:, :, None] >> torch.arange(32, dtype=torch.int32)) & 1
    flat = bits.reshape(len(masks), -1).bool()
    allowed = torch.zeros(len(masks), vocab_size, dtype=torch.bool)
    width = min(vocab_size, flat.shape[1])
    allowed[:, :width] = flat[:, :width]
    return allowed


def _keys_length(schema: Any) -> int:
    """Characters of a schema's required keys and of its longest others: what may still be to write before the end."""
    if isinstance(schema, dict):
        longest = max(map(len, schema.get("properties", {})), default=0)
        own = sum(len(str(key)) + 6 for key in schema.get("required", []))
        return longest + own + sum(_keys_length(part) for part in schema.values())
    return sum(map(_keys_length, schema)) if isinstance(schema, list) else 0
