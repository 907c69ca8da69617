from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.errors import PromptError
from promptsci.prompt import Encoder, Prompt, Shot, Tokenizer
from promptsci.prompt.tokens import MAX_KNOWN

KINDS = """gpt2 bos roberta digits llama3 many-words metaspace metaspace-prefix metaspace-first llama2 unigram
unigram-many-words""".split()
PIECES = [
    " ",
    "  ",
    "\n",
    ".\n\n",
    "a",
    "The",
    " citing",
    "sentence",
    "12",
    "3456",
    "é",
    "🧪",
    "深い",
    "\t",
    "'s",
    "(",
    "<|turn|>",
    ":",
    "x y",
    "-",
]
WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), min_size=1, max_size=40).map("".join)


def prompt(query: str, *choices: str) -> Prompt:
    """A prompt that is its query alone."""
    return Prompt("", (), query, choices or ("background", "12", "future work"))


def check(encoder: Encoder, asked: Prompt) -> None:
    """Ids of prompt and answer are those of the whole text; where a token spans the join, they are read apart."""
    tokenizer = encoder.tokenizer
    before = encoder.spanning
    (query,) = encoder.encode([asked])
    alone = tokenizer.encode([query.text])[0].ids
    start = list(tokenizer.start_ids) if encoder.format == "plain" else []
    n_spanning = 0

    assert query.ids.tolist() == start + alone
    for words, ids in zip(query.choices, query.choice_ids, strict=True):
        whole = tokenizer.encode([query.text + encoder.answer(words)])[0].ids
        if whole[: len(alone)] == alone and len(whole) > len(alone):
            assert alone + list(ids) == whole
        else:
            n_spanning += 1
            assert list(ids) == tokenizer.encode([encoder.answer(words)])[0].ids
    assert encoder.spanning - before <= n_spanning


@pytest.mark.parametrize("kind", KINDS)
def test_prompt_and_answer_are_the_whole_text(make_tokenizer: Callable[[str], Tokenizer], kind: str) -> None:
    """Whatever the tokenizer and the texts, reading only a prompt's end again gives the ids of reading all of it."""
    encoder = Encoder(make_tokenizer(kind), "plain")

    @settings(max_examples=60)
    @given(WORDS, WORDS)
    def run(query: str, choice: str) -> None:
        text, words = query.strip(" \t\r\n"), choice.strip(" \t\r\n")
        if text and words:
            check(encoder, prompt(text, words, "background", "12"))

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_prompts_never_span(make_tokenizer: Callable[[str], Tokenizer], kind: str) -> None:
    """Where a line ends in a colon, the answer's space begins a token, unless the vocabulary holds whole phrases."""
    encoder = Encoder(make_tokenizer(kind), "plain")
    asked = prompt("Why?\n\nSentence: The citing sentence says why.\nReason:")
    check(encoder, asked)

    if "many-words" not in kind and kind != "llama2":
        assert encoder.spanning == 0


def test_a_spanning_token_is_counted_once_a_pair(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """Where a phrase is one token, prompt and answer are read apart, and each such pair of texts counts once."""
    tokenizer = make_tokenizer("many-words")
    joint = tokenizer.encode(["The citing sentence"])[0]
    assert any(" " in "The citing sentence"[a + 1 : b] for a, b in joint.offsets)  # the tokenizer does have phrases
    encoder = Encoder(tokenizer, "plain")
    asked = prompt("The citing", "sentence", "zebra")
    for _ in range(3):
        (query,) = encoder.encode([asked])

    assert encoder.spanning == 1
    assert query.choice_ids[0] == tuple(tokenizer.encode([" sentence"])[0].ids)


def test_an_end_is_not_read_by_itself_where_a_token_reaches_into_it(tmp_path: Path) -> None:
    """A token across a space may win only once the answer stands there: then the whole text decides."""
    pieces = {
        "<unk>": 0.0,
        "a": -1.0,
        "▁bx": -2.0,
        "▁c": -2.0,
        "a▁b": -0.5,
        "x▁c": -2.0,
        "▁b": -5.0,
        "x": -5.0,
        "▁": -9.0,
    }
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(list(pieces.items()), unk_id=0))
    made.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    made.save(str(tmp_path / "tokenizer.json"))
    encoder = Encoder(Tokenizer(tmp_path), "plain")

    assert encoder.tokenizer.encode(["a bx", "a bx c"])[0].tokens == ["a", "▁bx"]
    assert encoder.tokenizer.encode(["a bx c"])[0].tokens == ["a▁b", "x▁c"]
    check(encoder, prompt("a bx", "c"))
    assert encoder.spanning == 1


def test_start_ids_stand_before_plain_text_only(
    tiny_chat: Tokenizer, make_tokenizer: Callable[[str], Tokenizer]
) -> None:
    """<bos> comes before a plain prompt; a chat template writes its own."""
    bos = make_tokenizer("bos")
    (plain,) = Encoder(bos, "plain").encode([prompt("a b")])
    (chat,) = Encoder(tiny_chat, "chat").encode([prompt("a b")])

    assert bos.start_ids == (bos._backend.token_to_id("<s>"),)
    assert plain.ids[0] == bos.start_ids[0]
    assert chat.ids.tolist() == tiny_chat.encode([chat.text])[0].ids


def test_a_chat_answer_is_bare(tiny_chat: Tokenizer) -> None:
    """Behind a chat header the answer has no space before it."""
    encoder = Encoder(tiny_chat, "chat")
    check(encoder, prompt("Sentence: x"))
    (query,) = encoder.encode([prompt("Sentence: x", "background")])

    assert tiny_chat.decode(query.choice_ids[0]) == "background"


def test_prompts_without_text_and_answers_without_tokens_are_errors(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """Nothing can be asked of an empty prompt, nor answered by a text that the tokenizer drops."""
    encoder = Encoder(make_tokenizer("gpt2"), "plain")
    with pytest.raises(PromptError, match="the prompt is empty"):
        encoder.encode([prompt("")])
    chat = Encoder(make_tokenizer("gpt2"), "chat")
    chat.text = lambda _prompt: "a"  # type: ignore[method-assign]
    with pytest.raises(PromptError, match="the answer '' has no tokens"):
        chat.encode([prompt("a", "")])


def test_memory_does_not_grow_with_prompts(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """What is remembered has a bound, and forgetting changes nothing."""
    encoder = Encoder(make_tokenizer("gpt2"), "plain")
    first = encoder.encode([prompt("see 0 there:")])
    for start in range(0, 2 * MAX_KNOWN // 3, 1000):
        encoder.encode([prompt(f"see {start + i} there now:") for i in range(1000)])
    again = encoder.encode([prompt("see 0 there:")])

    assert len(encoder._known) <= MAX_KNOWN
    assert [query.choice_ids for query in again] == [query.choice_ids for query in first]


def test_answers_cost_next_to_nothing(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """139 prompts of 2,500 characters with 6 choices each take at most twice the time of reading the prompts once."""
    encoder = Encoder(make_tokenizer("gpt2"), "plain")
    shots = tuple(Shot(f"Sentence: The {i}th citing sentence says why the authors cite it.", "use") for i in range(37))
    choices = ("background", "motivation", "use", "extension", "comparison", "future work")
    asked = [Prompt("Why?", shots, f"Sentence: The paper of row {i} says so.\nReason:", choices) for i in range(139)]
    texts = [encoder.text(each) for each in asked]
    start = time.process_time()
    encoder.tokenizer.encode(texts)
    once = time.process_time() - start
    start = time.process_time()
    encoder.encode(asked)

    assert len(texts[0]) > 2_400
    assert time.process_time() - start < 2 * once + 0.1


def test_control_tokens_in_the_words_of_the_data_are_named(make_tokenizer: Callable[[str], Tokenizer]) -> None:
    """Data that spell a control token are told of, wherever they stand; what the model's own frame writes is not."""
    encoder = Encoder(make_tokenizer("llama3"), "plain")
    token = encoder.tokenizer.control_tokens[0]
    encoder.encode([prompt("Nothing of the kind.")])

    assert encoder.controlled == ()

    encoder.encode([Prompt("", (Shot(f"In a shot {token} here.", "use"),), "And a query.", ("a", "b"))])

    assert encoder.controlled == (token,)
