from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.author.show.parts import Part, parts_of
from promptsci.author.show.pieces import pieces_of
from promptsci.lm import Reader
from promptsci.prompt import Encoder, Prompt, Shot

TEXT = st.text(max_size=20).map(str.strip)
FULL = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
PROMPTS = st.builds(
    Prompt,
    instruction=TEXT,
    shots=st.lists(st.builds(Shot, input=FULL, target=FULL), max_size=3).map(tuple),
    query=FULL,
    choices=st.just(("yes", "no")),
)
FORMATS = ("plain", "chat", "chat-one-turn")


@pytest.mark.parametrize("format_", FORMATS)
def test_parts_and_pieces_are_the_text(tiny_tokenizer_folder: Path, format_: Any) -> None:
    """Whatever stands in a prompt, its parts, and the pieces of its tokens, are the model's text to the byte."""
    encoder = Encoder(Reader("tiny", tiny_tokenizer_folder).tokenizer, format_)

    @settings(max_examples=60)
    @given(PROMPTS)
    def holds(prompt: Prompt) -> None:
        text = encoder.text(prompt)
        parts = parts_of(prompt, encoder)
        pieces = pieces_of(parts, encoder.tokenizer)
        (query,) = encoder.encode([prompt])
        assert "".join(part.text for part in parts) == text
        assert "".join(piece.text for piece in pieces) == text
        assert [number for piece in pieces for number in piece.ids] == list(query.ids)
        for number, part in enumerate(parts):
            assert "".join(piece.text for piece in pieces if piece.part == number) == part.text
        shown = [part.text for part in parts if part.role != "frame"]
        shots = [text for shot in prompt.shots for text in (shot.input, shot.target)]
        assert shown == [text for text in (prompt.instruction, *shots, prompt.query) if text]

    holds()


def test_answers_as_short_as_a_letter_are_marked_where_they_stand(tiny_tokenizer_folder: Path) -> None:
    """An answer that also stands in the chat's headers is not mistaken for them."""
    encoder = Encoder(Reader("tiny", tiny_tokenizer_folder).tokenizer, "chat")
    prompt = Prompt("s", (Shot("user", "a"),), "assistant", ("a", "b"))

    assert [(part.role, part.text, part.number) for part in parts_of(prompt, encoder) if part.role != "frame"] == [
        ("instruction", "s", 0),
        ("shot", "user", 1),
        ("answer", "a", 1),
        ("query", "assistant", 0),
    ]


def test_a_template_that_changes_its_turns_leaves_one_part(tmp_path: Path, tiny_tokenizer_folder: Path) -> None:
    """Where the chat template rewrites what it is given, the whole text is shown as written by the format."""
    (tmp_path / "tokenizer.json").write_bytes((tiny_tokenizer_folder / "tokenizer.json").read_bytes())
    (tmp_path / "chat_template.jinja").write_text(
        "{% for m in messages %}[{{ m.content | replace('x', 'xx') }} {{ m.content }}]{% endfor %}"
    )
    encoder = Encoder(Reader("odd", tmp_path).tokenizer, "chat")
    prompt = Prompt("", (), "x marks", ("a", "b"))

    assert parts_of(prompt, encoder) == (Part("frame", "[xx marks x marks]"),)


def test_without_a_tokenizer_parts_are_whole() -> None:
    """Each part is one piece in no token; blank lines and the answer's space are the format's."""
    prompt = Prompt("Say.", (Shot("one", "yes"), Shot("", "no")), "two", ("yes", "no"))
    parts = parts_of(prompt, None)

    assert [(part.role, part.text) for part in parts] == [
        ("instruction", "Say."), ("frame", "\n\n"), ("shot", "one"), ("frame", " "), ("answer", "yes"),
        ("frame", "\n\n"), ("answer", "no"), ("frame", "\n\n"), ("query", "two"),
    ]  # fmt: skip
    assert {piece.token for piece in pieces_of(parts, None)} == {None}
    assert "".join(part.text for part in parts) == prompt.plain()


def test_a_token_that_spans_parts_is_one_token_in_two_pieces(make_reader: Any) -> None:
    """The two sides of a boundary within a token carry the token's number; its id stands on the first."""
    reader = make_reader(words=("d y",))
    parts = [Part("shot", "abcd", 1), Part("frame", " "), Part("answer", "yes", 1)]
    pieces = pieces_of(parts, reader.tokenizer)
    spanning = [piece for piece in pieces if piece.token == 3]

    assert [piece.text for piece in spanning] == ["d", " ", "y"]
    assert [len(piece.ids) for piece in spanning] == [1, 0, 0]


def test_a_character_of_several_tokens_is_one_piece(make_reader: Any) -> None:
    """Bytes of one character stay together, with all their ids."""
    pieces = pieces_of([Part("query", "a👍b")], make_reader().tokenizer)

    assert [(piece.text, len(piece.ids)) for piece in pieces] == [("a", 1), ("👍", 4), ("b", 1)]
