from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptsci.data import Example
from promptsci.errors import PromptError
from promptsci.prompt import CONTENT_FREE, Assembler, Encoder, Prompt, Shot, Tokenizer, content_free
from promptsci.spec import Task, Template

Make = Callable[..., Template]
A, B, Q = (Example(i, {"text": f"text {i}"}, gold) for i, gold in (("x", "a"), ("y", "c"), ("q", "b")))


def test_plain_text_is_parts_and_blank_lines(task: Task, template: Make) -> None:
    """Instruction, shots and query are joined by a blank line; one space stands between an input and its answer."""
    prompt = Assembler(task, template()).prompt(Q, [A, B])

    assert prompt.plain() == (
        "Say it.\n\nText: text x\nLabel: alpha\n\nText: text y\nLabel: gamma ray\n\nText: text q\nLabel:"
    )
    assert prompt.choices == ("alpha", "beta", "gamma ray")


def test_chat_is_a_turn_a_part(task: Task, template: Make) -> None:
    """The instruction is the system's turn, inputs the user's, targets the assistant's."""
    prompt = Assembler(task, template()).prompt(Q, [A])

    assert prompt.turns() == [
        ("system", "Say it."), ("user", "Text: text x\nLabel:"), ("assistant", "alpha"),
        ("user", "Text: text q\nLabel:"),
    ]  # fmt: skip
    assert prompt.one_turn() == [("user", prompt.plain())]


def test_without_instruction_nothing_stands_for_it(task: Task, template: Make) -> None:
    """No instruction means no blank line and no system turn."""
    prompt = Assembler(task, template(instruction="")).prompt(Q)

    assert prompt.plain() == "Text: text q\nLabel:"
    assert prompt.turns() == [("user", "Text: text q\nLabel:")]


@given(
    text=st.text(),
    instruction=st.text(),
    shots=st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), max_size=3),
)
def test_a_prompt_never_ends_in_white_space(text: str, instruction: str, shots: list[tuple[str, str]]) -> None:
    """Whatever the blocks hold, the space between prompt and answer is the answer's."""
    parts = [part.strip(" \t\r\n") or "x" for part in (text, instruction)]
    made = [Shot(a.strip(" \t\r\n"), b.strip(" \t\r\n") or "x") for a, b in shots]
    plain = Prompt(parts[1], tuple(made), parts[0], ("a",)).plain()

    assert plain == plain.rstrip(" \t\r\n")
    assert plain.endswith(parts[0])


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1).filter(lambda t: t.strip(" \t\r\n")))
def test_fields_reach_every_format_as_they_are(task: Task, template: Make, tiny_chat: Tokenizer, text: str) -> None:
    """Plain, chat and one turn hold the field's text untouched between the template's own words."""
    prompt = Assembler(task, template("<{{ text }}>")).prompt(Example("q", {"text": text}))
    for name in ("plain", "chat", "chat-one-turn"):
        assert f"<{text}>" in Encoder(tiny_chat, name).text(prompt)


def test_one_turn_and_plain_are_the_same_words(task: Task, template: Make, tiny_chat: Tokenizer) -> None:
    """chat-one-turn puts the plain prompt into the model's own frame."""
    prompt = Assembler(task, template()).prompt(Q, [A])

    assert Encoder(tiny_chat, "chat-one-turn").text(prompt) == f"<s>user\n{prompt.plain()}</s>\n<s>assistant\n"
    assert Encoder(tiny_chat, "chat").text(prompt) == (
        "<s>system\nSay it.</s>\n<s>user\nText: text x\nLabel:</s>\n<s>assistant\nalpha</s>\n"
        "<s>user\nText: text q\nLabel:</s>\n<s>assistant\n"
    )


def test_targets_may_use_the_fields(task: Task, template: Make) -> None:
    """A target block that shows a field gives each example its own answers; one that does not is rendered once."""
    own = Assembler(task, template(target="{{ choice }} ({{ text }})"))
    same = Assembler(task, template())

    assert own.prompt(Q).choices == ("alpha (text q)", "beta (text q)", "gamma ray (text q)")
    assert own.prompt(A).choices[0] == "alpha (text x)"
    assert own.target(B) == "gamma ray (text y)"
    assert same.targets(Q) is same.targets(A)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"input_": "{{ text[9:] }}"}, "the input block writes nothing for example q"),
        ({"target": "{% if choice == 'none' %}x{% endif %}"}, "the target block writes nothing"),
        ({"target": "{{ choice[-1] }}"}, "the target block writes 'a' for two labels"),
        ({"input_": "{{ text.nope }}"}, r"plain.jinja:\d+: the input block cannot be rendered"),
    ],
)
def test_prompts_that_ask_nothing_are_errors(task: Task, template: Make, blocks: dict[str, str], message: str) -> None:
    """An empty input or answer, and one answer for two labels, would be scored without meaning."""
    with pytest.raises(PromptError, match=message):
        Assembler(task, template(**blocks)).prompt(Q)


def test_content_free_fillings_replace_texts_only(task: Task, template: Make) -> None:
    """Text fields are filled; numbers and lists stay, and the row has no label any more."""
    row = Example("q", {"text": "words", "year": 1999, "names": ["x"]}, "a")

    assert content_free(row, "N/A") == Example("q", {"text": "N/A", "year": 1999, "names": ["x"]}, None)
    assembler = Assembler(task, template())
    assert [assembler.content_free_query(Q, filling) for filling in CONTENT_FREE] == [
        "Text: N/A\nLabel:", "Text: \nLabel:", "Text: [MASK]\nLabel:",
    ]  # fmt: skip
