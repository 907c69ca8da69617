from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptsci.errors import PromptError, PromptsciError, SpecError
from promptsci.spec import Task, Template, check_fit, read_template
from promptsci.spec.template import EDGE

Make = Callable[..., Template]
ODD = [
    "{{ choice }}",
    "{% endblock %}",
    "{#",
    "|||",
    "---",
    "\0",
    "🧪👩🏽‍🔬",
    "שלום עולם",
    "\u202e",
    "\ufeff",
    "\r\n",
    "\xa0",
    "<&>",
    "\\n",
]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A template whose input is the field alone, and whose target is the field in brackets."""
    path = tmp_path_factory.mktemp("t") / "bare.jinja"
    path.write_text(
        "---\n---\n{% block instruction %}{% endblock %}\n{% block input %}\n{{ text }}\n{% endblock %}\n"
        "{% block target %}[{{ text }}]{{ choice }}{% endblock %}\n"
    )
    return read_template(path)


@given(st.lists(st.text() | st.sampled_from(ODD)).map("".join))
def test_fields_are_shown_as_they_are(bare: Template, text: str) -> None:
    """No character of a field is read as Jinja, escaped or changed; only the ends of a block lose white space."""
    assert bare.render("input", {"choices": [], "text": text}) == text.strip(EDGE)
    assert bare.render("target", {"choices": [], "choice": "c", "text": text}) == f"[{text}]c"


@pytest.mark.parametrize("value", [0, 3.5, -1, ["a", "b"], {"a": 1}])
def test_numbers_and_lists_are_shown_as_python_writes_them(bare: Template, value: Any) -> None:
    """Fields that are not text have one spelling."""
    assert bare.render("input", {"choices": [], "text": value}) == str(value)


def test_macros_and_sets_of_the_top_serve_every_block(template: Make, task: Task) -> None:
    """Definitions above the blocks, those that use each other too, reach the blocks that use them and no others."""
    made = template(
        "about: x",
        "{% set mark = '>' %}\n{% macro quote(x) %}{{ mark }}{{ inner(x) }}{% endmacro %}\n"
        "{% macro inner(x) %}«{{ x }}»{% endmacro %}\n{% set short = text[:2] %}\n"
        "{% set box %}[{{ mark }}]{% endset %}\n",
        input="{{ quote(short) }}{{ box }}",
        target="{{ quote(choice) }}",
    )
    check_fit(made, task)  # `short` needs text, which the instruction cannot see and does not use

    assert made.render("input", {"choices": [], "text": "abc"}) == ">«ab»[>]"
    assert made.render("target", {"choices": [], "choice": "c", "text": "abc"}) == ">«c»"


def test_words_stand_in_for_labels(template: Make, task: Task) -> None:
    """A label has the words of the front matter, or stands for itself; the order is the task's."""
    assert template("choices: {No: nope, Yes: yep}").words(task.labels) == {"Yes": "yep", "No": "nope"}
    assert template().words(task.labels) == {"Yes": "Yes", "No": "No"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r":1: a template starts with front matter"),
        ("about: x\n", r":1: a template starts with front matter"),
        ("---\nabout: x\n", r":1: the front matter has no closing '---' line"),
        ("---\nabout: x\nabout: y\n---\nB", r":3:1: 'about' is given twice"),
        ("---\nabuot: x\n---\nB", r":2:1: unknown key 'abuot'\n  Did you mean 'about'\?"),
        ("---\nabout: [\n---\nB", r":2: this is not YAML"),
        ("---\nchoices: {Yes: 'no', no: }\n---\nB", r":2:22: choices.no: the text is empty"),
        ("---\n---\n{% block input %}{{ text }}{% endblock %}{% block target %}{{ choice }}{% endblock %}",
         r"no instruction block\n  Add \{% block instruction %\}...\{% endblock %\}."),
        ("---\n---\nB\n{% block inptu %}{% endblock %}", r":4: unknown block 'inptu'\n  Did you mean 'input'\?"),
        ("---\n---\nB\n\n\n{% block input %}{% endblock %}", r":6: there are two blocks 'input'"),
        ("---\n---\nB\n\nstray words\n", r":5: this stands outside the blocks and would never be shown"),
        ("---\n---\n{% for x in y %}{% endfor %}B", r":3: this stands outside the blocks"),
        ("---\n---\n{{ text }}B", r":3: this stands outside the blocks"),
        ("---\n---\nB{% include 'x' %}", r":3: a template cannot include another file"),
        ("---\n---\n{% extends 'x' %}B", r":3: a template cannot extend another file"),
        ("---\n---\n{% import 'x' as y %}B", r":3: a template cannot import another file"),
        ("---\n---\nB\n\n{% if %}", r":5: this is not Jinja: Expected an expression"),
        ("---\n---\nB\n\n{% block x", r":5: this is not Jinja"),
    ],
)  # fmt: skip
def test_what_is_no_template_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Lines in messages are lines of the file, in the front matter and below it."""
    blocks = (
        "{% block instruction %}{% endblock %}{% block input %}{{ text }}{% endblock %}"
        "{% block target %}{{ choice }}{% endblock %}"
    )
    path = tmp_path / "t.jinja"
    path.write_text(text.replace("B", blocks))
    with pytest.raises(PromptsciError, match=message):
        read_template(path)


def test_problems_of_both_halves_come_at_once(tmp_path: Path) -> None:
    """Front matter and blocks are both looked at before anything is told."""
    path = tmp_path / "t.jinja"
    path.write_text("---\nabuot: x\n---\nstray\n{% block inptu %}{{ x|uper }}{% endblock %}\n")
    with pytest.raises(PromptsciError) as caught:
        read_template(path)

    text = str(caught.value)
    assert all(part in text for part in (":2:1: unknown key", ":4: this stands outside", ":5: unknown block 'inptu'",
                                         "no instruction block", ":5: templates have no filter 'uper'"))  # fmt: skip


def test_marks_and_line_ends_of_other_systems_change_nothing(write: Callable[..., Path]) -> None:
    """A byte order mark and CRLF leave prompts and hash as they are."""
    path = write(input="a\n\n{{ text }}\nb")
    plain = read_template(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    other = read_template(path)

    assert other.sha256 == plain.sha256
    assert other.render("input", {"choices": [], "text": "x"}) == plain.render("input", {"choices": [], "text": "x"})


@pytest.mark.parametrize(
    ("front", "blocks", "message"),
    [
        ("about: x", {"input": "\n{{ sentence }}"},
         r":9: the template uses 'sentence', which task tiny does not have\n  Fields: text\.$"),
        ("about: x", {"input": "{{ txt }}"}, r"Fields: text\.  Did you mean 'text'\?"),
        ("about: x", {"instruction": "{{ text }}"},
         r":5: the instruction block cannot see 'text'\n  It may use: choices\."),
        ("about: x", {"input": "{{ choice }}"}, r"the input block cannot see 'choice'\n  It may use: choices, text\."),
        ("about: x", {"target": "yes"}, r":10: the target block does not use 'choice', so every label"),
        ("choices: {Yes: y}", {},
         r":2:1: choices: label 'No' of task tiny has no words\n  Add a line 'No: \.\.\.' under choices"),
        ("choices: {Yes: y, No: n, Mabye: m}", {}, r":2:26: choices: 'Mabye' is not a label"),
        ("choices: {Yes: y, No: y}", {}, r":2:19: choices: Yes and No have the same words 'y'"),
    ],
)  # fmt: skip
def test_a_template_that_does_not_fit_its_task_is_told(
    template: Make, task: Task, front: str, blocks: dict[str, str], message: str
) -> None:
    """Variables, labels and words that the task does not have are named, with their lines."""
    with pytest.raises(SpecError, match=message):
        check_fit(template(front, **blocks), task)


def test_a_value_that_cannot_be_shown_is_told_with_its_line(template: Make) -> None:
    """What goes wrong only with one row's values names the block and the line."""
    made = template(input="first\n{{ text.nope }}")
    with pytest.raises(PromptError, match=r"plain.jinja:9: the input block cannot be rendered: 'str object' has no"):
        made.render("input", {"choices": [], "text": "x"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.text(alphabet="{}%#-|~()[]'\"abtexinput blockendfr=0 \n", max_size=80))
def test_no_body_breaks_the_program(write: Callable[..., Path], task: Task, body: str) -> None:
    """Whatever stands in a block either works or is an error of promptsci."""
    with contextlib.suppress(PromptsciError):
        made = read_template(write(input=body))
        check_fit(made, task)
        made.render("input", {"choices": ["a"], "text": "x"})
