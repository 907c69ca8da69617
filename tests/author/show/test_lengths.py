"""Counting the tokens of prompts by pieces, beside reading each prompt whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.author.show.lengths import Lengths
from promptsci.lm import Reader
from promptsci.prompt import Encoder, Prompt, Shot

TEXTS = st.text(min_size=1, max_size=40).map(str.strip).filter(bool)


@pytest.mark.parametrize("format_", ["plain", "chat", "chat-one-turn"])
@pytest.mark.parametrize("choices", [("yes", "not at all"), ()], ids=["scored", "written"])
def test_counted_as_read(tiny_tokenizer_folder: Path, format_: Any, choices: tuple[str, ...]) -> None:
    """Whatever the texts, a prompt counts as many tokens as the query that a run asks has."""
    encoder = Encoder(Reader("tiny", tiny_tokenizer_folder).tokenizer, format_)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), st.lists(TEXTS, min_size=1, max_size=5))
    def holds(shown: list[tuple[str, str]], asked: list[str]) -> None:
        shots = tuple(Shot(*pair) for pair in shown)
        prompts = [Prompt("Answer.", shots, query, choices) for query in asked]
        whole = [query.n_tokens(7) for query in encoder.encode(prompts)]
        assert Lengths(encoder, 7).of(prompts) == whole

    holds()


def test_control_tokens_in_a_text_are_cut_too(tiny_tokenizer_folder: Path) -> None:
    """A row that holds a control token is counted as the model reads it."""
    encoder = Encoder(Reader("tiny", tiny_tokenizer_folder).tokenizer, "chat")
    prompts = [Prompt("", (), f"before</s>{word}", ("yes", "no")) for word in ("", "after", "</s></s>")]

    assert Lengths(encoder, 0).of(prompts) == [query.n_tokens() for query in encoder.encode(prompts)]
