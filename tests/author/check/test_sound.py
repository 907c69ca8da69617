"""No false alarm: forty tasks and wordings with nothing wrong, some of them close to what is."""
# ruff: noqa: E501 - one line each reads better than many

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptsci.author.check import Request, check
from promptsci.lm import Reader
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

T, Y = "plain.jinja", "task.yaml"
Edits = list[tuple[str, str, str]]
WORDS = (
    *(" praise", " blame", " both", " good", " bad", " mixed", " yes", " no", " some of each", " bleak", " blank"),
    *(" élogieux", " 👍", " 0.5", " 1", " 2"),
)
# What is true of the made-up tokenizer alone, in which these answers are spelled by the letter.
OF_THIS_READER = {"one word before the choice": {"PS303"}, "a test that some answers pass": {"PS304"}}

SOUND: dict[str, Edits] = {
    "as it stands": [],
    "another about": [(T, "A plain question.", "\"A question: with a colon, a # and an 'x'\"")],
    "no instruction": [(T, "What does the reviewer give?\nAnswer with one of: {{ choices | join(\", \") }}.\n", "")],
    "choices written out": [(T, '{{ choices | join(", ") }}', "praise, blame, both")],
    "choices written out in another order": [(T, '{{ choices | join(", ") }}', "both, praise or blame")],
    "no choice in the instruction": [(T, 'Answer with one of: {{ choices | join(", ") }}.\n', "")],
    "one choice word by accident": [(T, "What does the reviewer give?\nAnswer with one of: {{ choices | join(\", \") }}.", "Both sides?")],
    "loop over choices": [(T, '{{ choices | join(", ") }}', "{% for c in choices %}{{ c }}{% if not loop.last %}, {% endif %}{% endfor %}")],
    "numbered choices": [(T, '{{ choices | join(", ") }}', "{% for c in choices %}{{ loop.index }}. {{ c }}\n{% endfor %}")],
    "a macro": [(T, "{{ text }}", "{% macro q(x) %}\"{{ x }}\"{% endmacro %}{{ q(text) }}")],
    "a macro above the blocks": [(T, "{% block instruction %}", "{% macro q(x) %}<{{ x }}>{% endmacro %}\n{% block instruction %}"), (T, "{{ text }}", "{{ q(text) }}")],
    "set and shown": [(T, "{{ text }}", "{% set x = text | trim %}{{ x }}")],
    "namespace": [(T, "{{ text }}", "{% set ns = namespace(x=text) %}{{ ns.x }}")],
    "a test on the row": [(T, "{{ text }}", "{% if text | length > 20 %}Long: {% else %}Short: {% endif %}{{ text }}")],
    "a test on a word": [(T, "{{ text }}", "{% if 'proof' in text %}(theory) {% endif %}{{ text }}")],
    "an inline test": [(T, "{{ text }}", "{{ text if text else 'nothing' }}")],
    "a test with loop": [(T, '{{ choices | join(", ") }}', "{% for c in choices %}{{ ', ' if loop.index > 1 else '' }}{{ c }}{% endfor %}")],
    "a test that some answers pass": [(T, "{{ choice }}{%", "{% if choice == 'both' %}half and half: {% endif %}{{ choice }}{%")],
    "a comment": [(T, "Review:", "{# what the reviewer wrote #}Review:")],
    "raw": [(T, "Review:", "{% raw %}{{ }}{% endraw %} Review:")],
    "white space control": [(T, "{{ text }}", "{{- ' ' ~ text -}}\n")],
    "closed quotes": [(T, "{{ text }}\nIt is", 'see "{{ text }}"')],
    "closed brackets": [(T, "It is", "It is (in one word)")],
    "an apostrophe inside": [(T, "It is", "The reviewer's word is")],
    "a colon at the end": [(T, "It is", "Verdict:")],
    "an arrow at the end": [(T, "It is", "=>")],
    "text at the end": [(T, "Review: {{ text }}\nIt is", "{{ text }}")],
    "upper": [(T, "{{ text }}", "{{ text | upper }}")],
    "one word before the choice": [(T, "{{ choice }}", "Verdict: {{ choice }}")],
    "a full stop behind the choice": [(T, "{{ choice }}", "{{ choice }}.")],
    "a field in the target": [(T, "{{ choice }}", "{{ choice }} ({{ text | length }})")],
    "words with a common letter": [(T, "bad: blame", "bad: bleak"), (T, "mixed: both", "mixed: blank")],
    "words of two words": [(T, "mixed: both", "mixed: some of each")],
    "quoted yes": [(T, "good: praise", 'good: "yes"'), (T, "bad: blame", 'bad: "no"')],
    "numbers as words": [(T, "good: praise", "good: 1"), (T, "bad: blame", "bad: 2"), (T, "mixed: both", "mixed: 0.5")],
    "accents": [(T, "good: praise", "good: élogieux")],
    "emoji": [(T, "good: praise", "good: 👍")],
    "labels for words": [(T, "choices:\n  good: praise\n  bad: blame\n  mixed: both\n", "")],
    "a comment in yaml": [(Y, "paper: nobody 2020", "paper: nobody 2020  # the only one")],
    "no paper but about": [(Y, "paper: nobody 2020\n", "")],
    "paper but no about": [(Y, "    about: rows for tests\n", "")],
    "fixed shots": [(Y, "choose: random", "choose: fixed, ids: [proof-1, proof-2]")],
    "similar shots": [(Y, "choose: random", "choose: similar")],
    "other spellings": [(Y, "values: [good", "read: {positive: good, '0': bad}, values: [good")],
    "one metric": [(Y, "[macro_f1, accuracy]", "[accuracy]")],
    "pinned hub": [(Y, "  own:", "  hub: {path: org/name, revision: 0123abc, about: elsewhere}\n  own:")],
    "templates elsewhere": [(Y, "domain: reviews", "domain: reviews\ntemplates: verdicts")],
}  # fmt: skip


@pytest.fixture(scope="module")
def reader(make_reader: Callable[..., Reader]) -> Reader:
    """A tokenizer that has the words of the sound tasks."""
    return make_reader(words=WORDS)


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_of_what_is_sound(desk: Any, reader: Reader, name: str) -> None:
    """Text, tokens and rows of a sound task raise nothing, not even a note."""
    for file, old, new in SOUND[name]:
        desk.edit(file, old, new)

    assert [each for each in desk.check(reader).findings if each.code not in OF_THIS_READER.get(name, ())] == []


def test_rows_that_all_differ_do_not_give_their_answers_away(desk: Any) -> None:
    """Where every text and every right answer is of its own, the text is not the answer by another name."""
    desk.edit(Y, "kind: classification", "kind: generation")
    desk.edit(Y, "label: {column: label, values: [good, bad, mixed]}", "references: {column: id}")
    desk.edit(Y, "[macro_f1, accuracy]", "[rouge1]")
    desk.edit(T, "choices:\n  good: praise\n  bad: blame\n  mixed: both\n", "")
    desk.edit(T, '{{ choices | join(", ") }}', "anything")
    desk.edit(T, "{{ choice }}", "{{ answer }}")

    assert desk.check().findings == []


def test_one_type_of_spans_is_no_majority(desk: Any) -> None:
    """A task of spans with a single type has nothing to balance."""
    desk.edit(Y, "kind: classification", "kind: extraction")
    desk.edit(Y, "label: {column: label, values: [good, bad, mixed]}", "spans: {column: marks, types: [noun]}")
    desk.edit(Y, "[macro_f1, accuracy]", "[entity_f1]")
    desk.edit(T, "choices:\n  good: praise\n  bad: blame\n  mixed: both\n", "")
    desk.edit(T, "{{ choice }}", "{{ answer }}")
    for split, topic in (("train", "proof"), ("test", "table")):
        marks = [{"start": 4, "end": 9, "type": "noun"}]
        desk.write_rows(split, [{"id": f"{topic}-{n}", "text": f"The {topic} {n}.", "marks": marks} for n in range(24)])

    assert desk.check().findings == []


def test_a_question_before_yes_and_no_is_no_fault(desk: Any, reader: Reader) -> None:
    """Where each label is asked by itself, all answers begin with its question."""
    desk.edit(Y, "kind: classification", "kind: multilabel")
    desk.edit(
        Y, "label: {column: label, values: [good, bad, mixed]}", "labels: {column: marks, values: [good, bad, mixed]}"
    )
    desk.edit(Y, "[macro_f1, accuracy]", "[micro_f1]")
    desk.edit(T, "{{ choice }}", "Does the reviewer give {{ label }}? {{ choice }}")
    for split, topic in (("train", "proof"), ("test", "table")):
        marks = [["good"], ["bad"], ["mixed"], ["good", "bad"], []]
        rows = [{"id": f"{topic}-{n}", "text": f"The {topic} {n}.", "marks": marks[n % 5]} for n in range(24)]
        desk.write_rows(split, rows)

    assert desk.check(reader).findings == []


def test_the_suite_is_large_enough() -> None:
    """At least forty sound ones."""
    assert len(SOUND) >= 40


def test_all_that_is_shipped_is_clean() -> None:
    """Shipped tasks, wordings and bundled rows have no finding."""
    report = check(Catalog((shipped_root(),)), Request())

    assert report.findings == []
    assert (report.tasks, report.templates, report.rows) >= (3, 6, 360)
    assert report.silenced == 6  # files of public homes whose bytes nobody has hashed; each says so where it stands
