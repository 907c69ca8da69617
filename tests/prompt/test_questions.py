from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptsci.data import Example
from promptsci.errors import PromptError
from promptsci.prompt import Assembler, Encoder, Pool, Question, Questioner, Tokenizer, chooser
from promptsci.spec import Task, Template

Make = Callable[..., Questioner]
QUERY = Example("q", {"text": "The method of the paper"})


@pytest.fixture
def make(task: Task, template: Callable[..., Template], tiny_chat: Tokenizer, pool: list[Example]) -> Make:
    """A Questioner with k shots and a context of some tokens."""

    def build(
        k: int, context: int, input_: str = "Text: {{ text }}\nLabel:", rule: str = "first", name: str = "plain"
    ) -> Questioner:
        assembler = Assembler(task, template(input_))
        return Questioner(
            assembler, Encoder(tiny_chat, name), chooser(rule, Pool(pool, task.labels), k, 0, task), context
        )

    return build


def length(question: Question) -> int:
    """Tokens of the longest sequence asked for."""
    return max(len(query.ids) + max(map(len, query.choice_ids)) for query in question.queries())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(k=st.integers(0, 12), context=st.integers(45, 600), rule=st.sampled_from(["first", "similar", "random"]))
def test_the_farthest_shots_are_left_out(make: Make, k: int, context: int, rule: str) -> None:
    """As many shots as fit are kept, from the near end; they are counted, and instruction and query are whole."""
    roomy = make(k, 10**6, rule=rule)
    (whole,) = roomy.questions([QUERY])
    (question,) = make(k, context, rule=rule).questions([QUERY])
    kept = len(question.shots)

    assert length(question) <= context
    assert question.n_dropped == k - kept
    assert question.shots == whole.shots[k - kept :]
    if question.n_dropped:
        shots = whole.shots[k - kept - 1 :]
        prompt = roomy.assembler.prompt(QUERY, shots)
        (longer,) = roomy.encoder.encode([prompt])
        assert len(longer.ids) + max(map(len, longer.choice_ids)) > context - 10  # fillings take a few tokens more
    assert question.query.text == roomy.assembler.prompt(QUERY, question.shots).plain()


def test_a_row_that_never_fits_is_an_error(make: Make) -> None:
    """When even the bare prompt is too long, the row is named with its length; nothing is cut."""
    long = Example("long", {"text": "method " * 300})
    for k in (0, 3):
        with pytest.raises(PromptError, match=r"example long needs \d+ tokens without any shot; the model holds 80"):
            make(k, 80).questions([QUERY, long])


def test_trouble_is_found_before_a_model_is_loaded(make: Make, pool: list[Example]) -> None:
    """Rows that are too long, cannot be rendered, or have too few shots are told together, five at the most."""
    long = [Example(f"long{i}", {"text": "method " * 300}) for i in range(3)]
    broken = Example("broken", {"text": 7})
    found = make(2, 80, input_="Text: {{ text.upper() }}\nLabel:").check([QUERY, *long, broken])

    assert [problem.what.split(":")[0][:13] for problem in found] == [
        "example long0",
        "example long1",
        "example long2",
        "example broken"[:13],
    ]
    assert "plain.jinja:" in str(found[3])
    assert len(make(0, 80).check(long * 3)) == 5
    assert make(2, 200).check([QUERY]) == []
    assert "too few shots are left for example p4" in str(make(30, 10**6).check([QUERY, pool[4]])[0])


def test_a_row_is_checked_by_its_tokens(make: Make) -> None:
    """A row with more bytes than the context has tokens is read, not refused."""
    text = "The citing sentence says why the authors cite another paper. " * 3
    (question,) = make(0, 10**6).questions([Example("q", {"text": text})])
    exact = length(question)

    assert exact < len(question.query.text)
    assert make(0, exact).check([Example("q", {"text": text})]) == []
    assert make(0, len(question.query.ids)).check([Example("q", {"text": text})]) != []


def test_references_calibrate_the_prompt(make: Make) -> None:
    """The premise is the bare form of the input; content-free prompts keep instruction and shots."""
    (question,) = make(1, 10**6).questions([QUERY])
    head = "Say it.\n\nText: The cell of cell number 0 is shown\nLabel: alpha\n\nText: "

    assert question.premise.text == "Text: \nLabel:"
    assert [query.text for query in question.content_free] == [
        f"{head}{filling}\nLabel:" for filling in ("N/A", "", "[MASK]")
    ]
    assert question.queries() == [question.query, question.premise, *question.content_free]


@pytest.mark.parametrize("input_", ["{{ text }}", "{{ text[4] }}"])
def test_templates_that_need_their_fields_have_no_references(make: Make, input_: str) -> None:
    """Where an input is nothing without its fields, or cannot be rendered, no reference is asked."""
    (question,) = make(1, 10**6, input_=input_).questions([QUERY])

    assert (question.premise, question.content_free) == (None, ())
    assert question.queries() == [question.query]


def test_references_never_make_a_row_too_long(make: Make) -> None:
    """A filling that is longer than the text it stands for is left out rather than the row."""
    short = Example("q", {"text": "a"})
    (question,) = make(0, 10**6).questions([short])
    exact = len(question.query.ids) + max(map(len, question.query.choice_ids))
    (tight,) = make(0, exact).questions([short])

    assert tight.query.ids.tolist() == question.query.ids.tolist()
    assert tight.content_free == ()


@pytest.mark.parametrize("name", ["plain", "chat", "chat-one-turn"])
def test_questions_do_not_depend_on_their_company(make: Make, pool: list[Example], name: str) -> None:
    """Asked one by one or together, in any order, each example has the same question."""
    rows = [QUERY, *pool[:4]]
    together = make(3, 150, name=name).questions(rows)
    single = make(3, 150, name=name)
    alone = {row.id: single.questions([row])[0] for row in reversed(rows)}
    for question in together:
        other = alone[question.example.id]
        assert question.shots == other.shots
        assert [(q.text, q.ids.tolist(), q.choice_ids) for q in question.queries()] == [
            (q.text, q.ids.tolist(), q.choice_ids) for q in other.queries()
        ]
