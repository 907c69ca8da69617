"""The suite of planted defects: a sound desk, one thing spoiled, and the code and line that check must give it."""
# ruff: noqa: E501 - one line each reads better than many

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from promptsci.author.check import CODES
from promptsci.lm import Reader

T, Y = "plain.jinja", "task.yaml"
WORDS = "good: praise\n  bad: blame\n  mixed: both"


class Defect(NamedTuple):
    """One spoiled place: the code it must get, and the text that stands on the line it must be found at."""

    code: str
    file: str
    old: str
    new: str
    at: str
    where: str | None = None


# What is wrong in the text of a template or a task, with the data left out.
IN_TEXT: dict[str, Defect] = {
    "task-not-utf8": Defect("PS001", Y, "title: Does", "title: \udcff Does", "title:"),
    "not-yaml": Defect("PS002", Y, "licence: CC0-1.0", "licence: [CC0", "data:"),
    "key-twice": Defect("PS002", Y, "licence: CC0-1.0", "licence: CC0-1.0\ntitle: again", "title: again"),
    "unknown-key": Defect("PS003", Y, "licence:", "lisence:", "lisence:"),
    "one-label": Defect("PS003", Y, "[good, bad, mixed]", "[good]", "label:"),
    "unknown-choose": Defect("PS003", Y, "choose: random", "choose: balance", "shots:"),
    "unknown-front-key": Defect("PS003", T, "about: A", "abuot: A", "abuot"),
    "no-front-matter": Defect("PS004", T, "---\nabout", "about", "about"),
    "front-not-closed": Defect("PS004", T, "both\n---\n", "both\n", "---"),
    "not-jinja": Defect("PS005", T, "{{ text }}", "{{ text }", "{{ text }"),
    "block-not-closed": Defect("PS005", T, "{{ choice }}{% endblock %}", "{{ choice }}", "block target"),
    "no-block": Defect("PS006", T, "{% block target %}{{ choice }}{% endblock %}", "", "---"),
    "block-too-many": Defect("PS006", T, "{% block input %}", "{% block x %}{% endblock %}\n{% block input %}", "block x"),
    "include": Defect("PS006", T, "Review:", "{% include 'x' %}Review:", "include"),
    "unknown-filter": Defect("PS006", T, "{{ text }}", "{{ text | uper }}", "uper"),
    "outside": Defect("PS006", T, "{% block input %}", "Read on.\n{% block input %}", "Read on."),
    "random": Defect("PS007", T, 'choices | join(", ")', "choices | random", "random"),
    "shuffle": Defect("PS007", T, "choices | join", "choices | shuffle | join", "shuffle"),
    "ignore-nothing": Defect("PS009", T, "about: A", "about: A  # promptsci: ignore PS999\n#", "PS999"),
    "unknown-field": Defect("PS101", T, "{{ text }}", "{{ txet }}", "txet"),
    "field-of-nobody": Defect("PS101", T, "{{ text }}", "{{ text }} {{ title }}", "title"),
    "field-in-instruction": Defect("PS102", T, "What does", "{{ text }} What does", "{{ text }} What"),
    "choice-in-input": Defect("PS102", T, "It is", "It is {{ choice }}", "It is"),
    "target-says-nothing": Defect("PS103", T, "{{ choice }}", "the answer", "block target"),
    "no-field": Defect("PS105", T, "{{ text }}", "the review", "block input"),
    "field-set-and-forgotten": Defect("PS105", T, "{{ text }}", "{% set x = text %}", "block input"),
    "never-true": Defect("PS107", T, "It is", "{% if false %}Hm.{% endif %}\nIt is", "{% if false"),
    "always-defined": Defect("PS107", T, "It is", "{% if text is defined %}It{% else %}X{% endif %} is", "is defined"),
    "never-so-many": Defect("PS107", T, "Answer", "{% if choices | length > 9 %}So many!{% endif %}Answer", "> 9"),
    "no-such-choice": Defect(
        "PS107", T, "{{ choice }}{%", "{% if choice == 'good' %}x {% endif %}{{ choice }}{%", "== 'good'"
    ),
    "same-test-twice": Defect(
        "PS107", T, "It is", "{% if text %}It\n{% elif text %}He\n{% endif %}\nIs", "elif"
    ),
    "no-break-space": Defect("PS108", T, "It is\n", "It is\u00a0\n", "It is"),
    "zero-width": Defect("PS108", T, "It is\n", "It is\u200b\n", "It is"),
    "open-bracket": Defect("PS109", T, "It is\n", "It is (\n", "It is ("),
    "open-quote": Defect("PS109", T, "It is\n", 'It is "\n', 'It is "'),
    "answer-begins-alike": Defect("PS110", T, "{{ choice }}", "I say that it is {{ choice }}", "I say"),
    "truncate": Defect("PS111", T, "{{ text }}", "{{ text | truncate(100) }}", "truncate"),
    "slice": Defect("PS111", T, "{{ text }}", "{{ text[:100] }}", "[:100]"),
    "endless": Defect("PS112", T, "It is", "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "range"),
    "reaches-out": Defect("PS112", T, "It is", "{{ text.__class__.__mro__ }}", "__class__"),
    "no-such-label": Defect("PS201", T, "mixed: both", "mixed: both\n  god: x", "god: x"),
    "label-without-words": Defect("PS202", T, "\n  mixed: both", "", "choices:"),
    "same-words": Defect("PS203", T, "mixed: both", "mixed: blame", "mixed: blame"),
    "same-but-for-case": Defect("PS204", T, "mixed: both", "mixed: Blame", "mixed: Blame"),
    "prefix": Defect("PS205", T, "mixed: both", "mixed: blame and praise", "mixed: blame and"),
    "prefix-of-later": Defect("PS205", T, "good: praise", "good: both of them", "good: both of them"),
    "edge-space": Defect("PS206", T, "good: praise", 'good: " praise"', "good:"),
    "yaml-yes": Defect("PS207", T, "good: praise", "good: yes", "good: yes"),
    "yaml-exponent": Defect("PS207", T, "good: praise", "good: 1e3", "good: 1e3"),
    "yaml-null": Defect("PS207", T, "good: praise", "good: null", "good: null"),
    "yaml-date": Defect("PS207", T, "good: praise", "good: 2019-01-02", "good: 2019"),
    "no-break-in-choice": Defect("PS208", T, "good: praise", "good: high\u00a0praise", "good: high"),
    "line-end-in-choice": Defect("PS208", T, "good: praise", 'good: "high\\npraise"', "good:"),
    "target-cut": Defect("PS209", T, "{{ choice }}", "{{ choice[:1] }}", "block target"),
    "target-maps-two-to-one": Defect(
        "PS209", T, "{{ choice }}{%", "{% if choice == 'praise' %}A{% else %}B{% endif %}{%", "block target"
    ),
    "some-choices-named": Defect(
        "PS210", T, 'one of: {{ choices | join(", ") }}', "praise or blame", "block instruction"
    ),
    "no-licence": Defect("PS501", Y, "licence: CC0-1.0\n", "", "name:"),
    "no-source": Defect("PS502", Y, "paper: nobody 2020\n", "", "own:", "about: rows for tests"),
    "hub-not-pinned": Defect("PS503", Y, "files: {train: train.jsonl, test: test.jsonl}", "path: org/name", "path:"),
    "url-not-pinned": Defect(
        "PS503", Y, "files: {train: train.jsonl, test: test.jsonl}",
        "urls:\n      train: {url: 'https://x.org/a.jsonl'}", "x.org",
    ),
    "unknown-metric": Defect("PS504", Y, "[macro_f1, accuracy]", "[macro_f2, accuracy]", "metrics:"),
    "no-pool": Defect("PS505", Y, "from: train", "from: trian", "shots:"),
    "fixed-without-ids": Defect("PS506", Y, "choose: random", "choose: fixed", "shots:"),
    "ids-not-used": Defect("PS506", Y, "choose: random", "choose: random, ids: [proof-1]", "shots:"),
    "label-read-as-another": Defect("PS507", Y, "values: [good", "read: {bad: good}, values: [good", "label:"),
    "two-splits-one-file": Defect("PS508", Y, "test: test.jsonl", "test: train.jsonl", "files:"),
    "other-name": Defect("PS509", Y, "name: verdicts", "name: verdict", "name: verdict"),
    "yaml-label": Defect("PS511", Y, "[good, bad, mixed]", "[good, off, mixed]", "label:"),
}  # fmt: skip


def spoil(desk: Any, defect: Defect) -> None:
    """Plants the defect, and what must change with it for the defect to be the only one."""
    text = desk.path(defect.file).read_text(encoding="utf-8")
    assert defect.old in text
    text = text.replace(defect.old, defect.new, 1).replace(defect.where or "\0", "")
    desk.write(defect.file, text.encode("utf-8", "surrogateescape"))
    if defect.code == "PS511":
        desk.edit(T, "bad: blame", '"off": blame')
    if defect.code == "PS509":
        desk.edit(Y, "title:", "templates: verdicts\ntitle:")


@pytest.mark.parametrize("name", IN_TEXT)
def test_a_defect_is_found_at_its_line(desk: Any, name: str) -> None:
    """Each planted defect, and nothing else, is found with its code in its file at its line."""
    defect = IN_TEXT[name]
    spoil(desk, defect)
    lines = desk.path(defect.file).read_bytes().decode("utf-8", "replace").split("\n")
    line = next(number for number, text in enumerate(lines, start=1) if defect.at in text)
    found = desk.check(read_data=False).findings

    assert [(each.code, each.place.file, each.place.line) for each in found] == [
        (defect.code, str(desk.path(defect.file)), line)
    ]
    assert found[0].severity == CODES[defect.code].severity
    assert found[0].what
    assert found[0].fix or CODES[defect.code].code in ("PS002", "PS003", "PS005", "PS006", "PS004", "PS001")


LEAKS = {
    "shown": "{{ verdict }}",
    "set": "{% set x = verdict %}{{ x }}",
    "filter": "{{ verdict | upper | replace('G', 'g') }}",
    "macro": "{% macro show(what) %}<{{ what }}>{% endmacro %}{{ show(verdict) }}",
    "macro-free": "{% macro show() %}{{ verdict }}{% endmacro %}{{ show() }}",
    "macro-alias": "{% macro show() %}{{ verdict }}{% endmacro %}{% set other = show %}{{ other() }}",
    "macro-in-macro": "{% macro a(x) %}{{ x }}{% endmacro %}{% macro b(y) %}{{ a(y) }}{% endmacro %}{{ b(verdict) }}",
    "test": "{% if verdict == 'good' %}Nice.{% endif %}",
    "test-on-what-was-set": "{% set x = verdict == 'good' %}{{ 'Nice.' if x else 'Oh.' }}",
    "loop": "{% for mark in [text, verdict] %}{{ mark }}{% endfor %}",
    "loop-test": "{% for mark in choices if mark == verdict %}{{ loop.index }}{% endfor %}",
    "namespace": "{% set ns = namespace(x='') %}{% for _ in [1] %}{% set ns.x = verdict %}{% endfor %}{{ ns.x }}"
    .replace("_ in", "i in"),
    "block-set": "{% set x %}<{{ verdict }}>{% endset %}{{ x }}",
    "call": "{% macro box() %}[{{ caller() }}]{% endmacro %}{% call box() %}{{ verdict }}{% endcall %}",
    "filter-block": "{% filter upper %}{{ verdict }}{% endfilter %}",
    "with": "{% with x = verdict %}{{ x }}{% endwith %}",
    "join": "{{ [text, verdict] | join(' ') }}",
    "key": "{{ {'a': verdict}['a'] }}",
}  # fmt: skip

CLEAN = {
    "set-and-dropped": "{% set x = verdict %}{{ text }}",
    "overwritten": "{% set x = verdict %}{% set x = text %}{{ x }}",
    "macro-ignores-it": "{% macro show(what) %}{{ text }}{% endmacro %}{{ show(verdict) }}",
    "macro-not-called": "{% macro show(what) %}{{ verdict }}{% endmacro %}{{ text }}",
    "test-writes-nothing": "{% if verdict %} {% endif %}{{ text }}",
    "other-argument": "{% macro show(a, b) %}{{ b }}{% endmacro %}{{ show(verdict, text) }}",
}


def _with_gold(desk: Any, body: str) -> None:
    desk.edit(Y, "fields: {text: text}", "fields: {text: text, verdict: label}")
    desk.edit(T, "{{ text }}\n", f"{{{{ text }}}}\n{body}\n")


@pytest.mark.parametrize("way", LEAKS)
def test_the_gold_label_is_followed_into_the_input(desk: Any, way: str) -> None:
    """However the label reaches the input's text, it is found on the line where it is written."""
    _with_gold(desk, LEAKS[way])
    found = desk.check(read_data=False).findings

    assert [each.code for each in found] == ["PS104"]
    assert found[0].place.line == desk.line(T, LEAKS[way])


@pytest.mark.parametrize("way", CLEAN)
def test_a_label_that_is_not_written_is_no_leak(desk: Any, way: str) -> None:
    """A label that is read and never reaches the text is no leak."""
    _with_gold(desk, CLEAN[way])

    assert "PS104" not in [each.code for each in desk.check(read_data=False).findings]


def test_a_label_in_the_target_alone_is_no_leak(desk: Any) -> None:
    """The answer may use the label's column; only the input must not."""
    desk.edit(Y, "fields: {text: text}", "fields: {text: text, verdict: label}")
    desk.edit(T, "{{ choice }}", "{{ choice }}{% if verdict == 'x' %}!{% endif %}")

    assert desk.check(read_data=False).findings == []


def test_an_unused_field_is_found(desk: Any) -> None:
    """A field of the task that no block shows is said, at the input block."""
    desk.edit(Y, "{text: text}", "{text: text, title: title}")
    (found,) = desk.check(read_data=False).findings

    assert (found.code, found.place.line) == ("PS106", desk.line(T, "block input"))
    assert "'title'" in found.what


def test_two_fields_of_one_column_are_found(desk: Any) -> None:
    """Two fields that are one column are said."""
    desk.edit(Y, "{text: text}", "{text: text, title: text}")
    desk.edit(T, "{{ text }}", "{{ title }} {{ text }}")

    assert [each.code for each in desk.check(read_data=False).findings] == ["PS510"]


def test_a_template_of_nobody_and_a_task_without_template(desk: Any) -> None:
    """A folder of templates that no task names, and a task that has none, are both said."""
    desk.path(T).parent.rename(desk.root / "templates" / "verdict")
    found = desk.check(read_data=False).findings

    assert sorted((each.code, each.place.file.rsplit("/", 1)[-1]) for each in found) == [
        ("PS008", "plain.jinja"),
        ("PS010", "task.yaml"),
    ]


def _train(desk: Any, change: Callable[[list[dict]], list[dict]], split: str = "train") -> None:
    path = desk.path(f"{split}.jsonl")
    import json

    desk.write_rows(split, change([json.loads(line) for line in path.read_text().splitlines()]))


def _with_text(found: list[dict], place: int, text: str, **more: Any) -> list[dict]:
    return [{**row, "text": text, **more} if number == place else row for number, row in enumerate(found)]


IN_ROWS: dict[str, tuple[str, str, Callable[[Any], object]]] = {
    "broken-json": ("PS401", "{", lambda desk: desk.write("train.jsonl", '{"text": \n')),
    "no-file": ("PS401", "", lambda desk: desk.path("train.jsonl").unlink()),
    "unknown-label": ("PS401", "{", lambda desk: _train(desk, lambda rows: [*rows, {"id": "z", "text": "z", "label": "god"}])),
    "duplicate": ("PS402", "files:", lambda desk: _train(desk, lambda rows: _with_text(rows, 3, " the  PROOF number 0."))),
    "leak": ("PS403", "files:", lambda desk: _train(desk, lambda rows: _with_text(rows, 3, "The table number 3."))),
    "label-missing": ("PS405", "label:", lambda desk: _train(desk, lambda rows: [r for r in rows if r["label"] != "mixed"], "test")),
    "unbalanced": ("PS406", "files:", lambda desk: _train(desk, lambda rows: [{**r, "label": "good" if n > 9 else r["label"]} for n, r in enumerate(rows)], "test")),
    "blank": ("PS408", "files:", lambda desk: _train(desk, lambda rows: _with_text(rows, 3, " \n "))),
    "unlabelled": ("PS408", "files:", lambda desk: _train(desk, lambda rows: [{**rows[0], "label": None}, *rows[1:]], "test")),
    "fixed-shot": ("PS410", "shots:", lambda desk: desk.edit(Y, "choose: random", "choose: fixed, ids: [proof-99]")),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_ROWS)
def test_a_defect_of_the_rows_is_found(desk: Any, name: str) -> None:
    """Each defect of the data has its code, at the line of the task that names the split (or of the broken row)."""
    code, at, plant = IN_ROWS[name]
    plant(desk)
    found = desk.check().findings

    assert [each.code for each in found] == [code]
    if at and at != "{":
        assert (found[0].place.file, found[0].place.line) == (str(desk.path(Y)), desk.line(Y, at))


def test_label_noise_is_found(desk: Any) -> None:
    """One text with two labels is said with the ids of its rows, beside its being a repeat."""
    _train(desk, lambda rows: _with_text(rows, 3, "The proof number 1."))
    found = {each.code: each for each in desk.check().findings}

    assert sorted(found) == ["PS402", "PS404"]
    assert "proof-1, proof-3" in found["PS404"].what


def test_a_field_that_is_the_label_in_other_words_is_found(desk: Any) -> None:
    """A column with one value a label gives the answer away."""
    for split in ("train", "test"):
        _train(
            desk, lambda rows: [{**row, "mark": {"good": 1, "bad": 2, "mixed": 3}[row["label"]]} for row in rows], split
        )
    desk.edit(Y, "{text: text}", "{text: text, mark: mark}")
    desk.edit(T, "{{ text }}", "{{ text }} {{ mark }}")
    (found,) = desk.check().findings

    assert (found.code, found.place.line) == ("PS409", desk.line(Y, "fields:"))


def test_a_row_that_cannot_be_rendered_is_found(desk: Any) -> None:
    """What fails on a real row is found at the template's line, with the row's id."""
    desk.edit(T, "{{ text }}", "{{ text.title_of_row }}")
    (found,) = desk.check().findings

    assert (found.code, found.place.line) == ("PS112", desk.line(T, "title_of_row"))
    assert "row proof-" in found.what


def test_an_order_by_frequency_is_found(desk: Any) -> None:
    """Choices that the instruction lists from the commonest to the rarest are said; in another order they are not."""
    labels = ["good"] * 12 + ["bad"] * 8 + ["mixed"] * 4
    for split in ("train", "test"):
        _train(desk, lambda rows: [{**row, "label": label} for row, label in zip(rows, labels, strict=True)], split)

    assert [each.code for each in desk.check().findings] == ["PS211"]
    desk.edit(T, 'choices | join(", ")', "choices[1] }}, {{ choices[0] }}, {{ choices[2]")
    assert desk.check().findings == []


TOKENS: dict[str, tuple[str, str, dict[str, Any], tuple[str, str] | None]] = {
    "spans-the-join": ("PS301", "It is", {"words": ("s p", " praise", " blame", " both")}, None),
    "token-prefix": ("PS302", "mixed:", {"words": (" praise", " blame")}, ("mixed: both", "mixed: blamed")),
    "same-first-token": ("PS303", "mixed:", {"words": (" pra", "ise", " blame", "yer")}, ("mixed: both", "mixed: prayer")),
    "lengths": ("PS304", "mixed:", {"words": (" praise", " blame")}, None),
    "control-token": ("PS306", "What <end>", {"words": (" praise", " blame", " both"), "control": ("<end>",)}, ("What", "What <end>")),
    "chat-refuses": ("PS309", "---", {"words": (" praise", " blame", " both"), "chat": "{{ raise_exception('no') }}"}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENS)
def test_a_defect_of_the_tokens_is_found(desk: Any, make_reader: Callable[..., Reader], name: str) -> None:
    """Each defect that depends on the tokenizer is found at the words or block it is about."""
    code, at, settings, change = TOKENS[name]
    if change:
        desk.edit(T, *change)
    found = desk.check(make_reader(**settings), read_data=False).findings

    assert [each.code for each in found] == [code]
    assert found[0].place.line == desk.line(T, at)
    assert re.search("made-up", found[0].what)


def test_words_that_a_tokenizer_cannot_write_are_found(desk: Any, make_reader: Callable[..., Reader]) -> None:
    """A tokenizer that drops or changes a character of a choice is said."""
    from tokenizers import Tokenizer, normalizers

    reader = make_reader(words=(" praise", " blame", " both"))
    made = Tokenizer.from_file(str(reader.folder / "tokenizer.json"))
    made.normalizer = normalizers.Replace("b", "")
    made.save(str(reader.folder / "tokenizer.json"))
    found = desk.check(Reader("made-up", reader.folder), read_data=False).findings

    assert ("PS305", desk.line(T, "bad: blame")) in [(each.code, each.place.line) for each in found]


def test_rows_and_shots_that_do_not_fit_are_found(desk: Any, make_reader: Callable[..., Reader]) -> None:
    """A row longer than the context, and shots that must be left out, have a code each."""
    words = (" praise", " blame", " both")
    roomy, close, small = (desk.check(make_reader(words=words, context=context)) for context in (9_000, 200, 80))

    assert [each.code for each in roomy.findings] == []
    assert [each.code for each in close.findings] == ["PS308"]
    assert [each.code for each in small.findings] == ["PS307"]
    assert "needs" in small.findings[0].what


WRITTEN: dict[str, Defect] = {
    "no-stop": Defect("PS113", T, 'stop: ["\\n"]\n', "", "---"),
    "no-stop-behind-the-answer": Defect("PS113", T, "{{ answer }}", "{{ answer }} END", "---"),
    "blank-line": Defect("PS215", T, "{{ answer }}", "{{ answer }}\n\n\n(no more)", "block target"),
    "not-read-back": Defect(
        "PS209", T, "{{ answer }}", "{{ answer | upper | replace('PRAISE', 'x') }}", "block target"
    ),
    "answer-in-input": Defect("PS102", T, "It is", "{{ answer }} It is", "It is"),
    "hostile-target": Defect("PS112", T, "{{ answer }}", "{{ answer * 99999999 }}", "block target"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_defect_of_written_answers_is_found(desk: Any, name: str) -> None:
    """Where the model writes the answer, what would cut it, or have it misread, is found at its line."""
    desk.edit(Y, "kind: classification", "kind: multilabel")
    desk.edit(Y, "label: {column", "labels: {column")
    desk.edit(Y, "[macro_f1, accuracy]", "[micro_f1]")
    desk.edit(T, "choices:", 'stop: ["\\n"]\nchoices:')
    desk.edit(T, "{{ choice }}", "{{ answer }}")
    for split in ("train", "test"):
        _train(desk, lambda rows: [{**row, "label": [row["label"]]} for row in rows], split)
    assert desk.check().findings == []
    defect = WRITTEN[name]
    desk.edit(T, defect.old, defect.new)
    if name == "blank-line":
        desk.edit(T, 'stop: ["\\n"]', 'stop: ["\\n", "(no more)"]')
    found = desk.check().findings

    assert [(each.code, each.place.line) for each in found] == [(defect.code, desk.line(T, defect.at))]


@pytest.mark.parametrize(
    ("front", "code"), [("numbers: [1, 99]", "PS212"), ("stop: [x]", "PS213"), ("numbers: [1, 1]", "PS212")]
)
def test_settings_of_another_kind_of_answer_are_found(desk: Any, front: str, code: str) -> None:
    """Numbers outside the range or alike, and settings of writing where choices are scored, are found at their line."""
    if code == "PS212":
        desk.edit(Y, "kind: classification", "kind: regression")
        desk.edit(Y, "label: {column: label, values: [good, bad, mixed]}", "number: {column: label, low: 0, high: 9}")
        desk.edit(Y, "[macro_f1, accuracy]", "[mae]")
        desk.write(
            T, desk.path(T).read_text().replace(f"choices:\n  {WORDS}\n", "").replace("{{ choice }}", "{{ answer }}")
        )
    desk.edit(T, "about: A", f"{front}\nabout: A")
    found = desk.check(read_data=False).findings

    assert [(each.code, each.place.line) for each in found] == [(code, desk.line(T, front))]


def test_right_answers_that_max_tokens_would_cut_are_found(desk: Any, make_reader: Callable[..., Reader]) -> None:
    """Right answers longer than max_tokens allows are counted, at the line that sets it."""
    desk.edit(Y, "kind: classification", "kind: generation")
    desk.edit(Y, "label: {column: label, values: [good, bad, mixed]}", "references: {column: label}")
    desk.edit(Y, "[macro_f1, accuracy]", "[rouge1]")
    desk.write(T, desk.path(T).read_text().replace(f"choices:\n  {WORDS}\n", "max_tokens: 4\n"))
    desk.edit(T, '{{ choices | join(", ") }}', "anything")
    desk.edit(T, "{{ choice }}", "{{ answer }}")
    (found,) = desk.check(make_reader()).findings

    assert (found.code, found.place.line) == ("PS214", desk.line(T, "max_tokens"))
    assert "32 of 48 right answers" in found.what


def test_the_suite_plants_forty_defects_and_all_codes() -> None:
    """At least forty defects are planted, and every code that there is, is met by some test of this file."""
    planted = [
        *(defect.code for defect in IN_TEXT.values()),
        *(code for code, *_ in (*IN_ROWS.values(), *TOKENS.values())),
    ]
    by_hand = {"PS008", "PS010", "PS104", "PS106", "PS211", "PS305", "PS307", "PS308", "PS404", "PS409", "PS510"}
    by_hand |= {"PS113", "PS212", "PS213", "PS214", "PS215"}

    assert len(planted) >= 40
    assert set(CODES) == {*planted, *by_hand}
