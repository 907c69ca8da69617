from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.prompt.terms import LONGEST_WORD, PIECE, terms


def test_words_come_first_and_then_their_pairs() -> None:
    """Case, signs and numbers make no difference."""
    assert terms("We use BLEU (2002)!") == ["we", "use", "bleu", "we use", "use bleu"]


def test_numbers_are_no_terms_but_names_with_digits_are() -> None:
    """A year says nothing of what a text is about; a gene's name does."""
    assert terms("p53 in 2019") == ["p53", "in", "p53 in"]


def test_a_sequence_is_read_in_overlapping_pieces() -> None:
    """Two sequences that share a stretch of six letters share a term."""
    one, other = "ACGTAGGCTTAACGATTGCACCGATAC", "TTTTTAGGCTTAACCCCCCCCCCCCCC"

    assert len(one) > LONGEST_WORD
    assert set(terms(one)) & set(terms(other)) >= {"taggct", "aggctt"}
    assert all(len(piece) == PIECE for term in terms(one) for piece in term.split())


@pytest.mark.parametrize(("one", "other"), [("引用文献的原因", "原因分析"), ("引用の理由は比較", "比較する")])
def test_text_without_spaces_has_terms_in_common(one: str, other: str) -> None:
    """Chinese and Japanese are read by characters and their pairs, not as one long word."""
    assert any(" " in term for term in set(terms(one)) & set(terms(other)))


@given(st.text(max_size=200))
def test_any_text_has_terms(text: str) -> None:
    """No text is refused, and no term is empty or a number alone."""
    for term in terms(text):
        assert term.strip() == term != ""
        assert not term.isdigit()
