from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.errors import PromptsciError
from promptsci.spec import FORMS, KINDS, check_fit, read_task, read_template

HEAD = "name: tiny\ntitle: Tiny\nkind: {kind}\ndata: {{own: {{files: {{test: t.jsonl}}}}}}\nfields: {{text: text}}\n"
SECTIONS = {
    "label": "label: {column: c, values: [a, b]}",
    "labels": "labels: {column: c, values: [a, b]}",
    "options": "options: {column: o, answer: c}",
    "number": "number: {column: c, low: 0, high: 5}",
    "spans": "spans: {column: c, types: [X]}",
    "record": "record: {column: c, schema: s.json}",
    "references": "references: {column: c}",
    "phrases": "phrases: {column: c}",
    "relevance": "relevance: {candidates: 5}",
}


def put(folder: Path, kind: str, *lines: str) -> Path:
    """A task.yaml of a kind, these lines behind its head; the first of them is line 6."""
    path = folder / "task.yaml"
    path.write_text(HEAD.format(kind=kind) + "\n".join(lines) + "\n")
    return path


def template(folder: Path, front: str, target: str, input_: str = "{{ text }}") -> Path:
    """A template with this front matter and target."""
    path = folder / "plain.jinja"
    path.write_text(
        f"---\n{front}\n---\n{{% block instruction %}}x{{% endblock %}}\n"
        f"{{% block input %}}{input_}{{% endblock %}}\n{{% block target %}}{target}{{% endblock %}}\n"
    )
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_its_kind_and_its_usual_settings(tmp_path: Path, form: str) -> None:
    """A task with its kind's section is sound; metrics and shots are the form's where it does not say."""
    task = read_task(put(tmp_path, FORMS[form].kind, SECTIONS[form]))

    assert (task.form, form in KINDS[task.kind]) == (form, True)
    assert (tuple(task.metrics), task.shots.choose) == (FORMS[form].metrics, FORMS[form].choose)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_section_of_another_kind_is_told_with_its_line(tmp_path: Path, kind: str, form: str) -> None:
    """Beside its own section a task has none of another kind's."""
    if form in KINDS[kind]:
        return
    path = put(tmp_path, kind, SECTIONS[KINDS[kind][0]], SECTIONS[form])
    with pytest.raises(PromptsciError, match=rf"task\.yaml:7:1: {form}: a {kind} task has no such section; it has"):
        read_task(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_section_is_told(tmp_path: Path, kind: str) -> None:
    """A task without any section hears which one its kind needs."""
    with pytest.raises(PromptsciError, match=rf"'{KINDS[kind][0]}'.* is missing: it says what is right in a {kind}"):
        read_task(put(tmp_path, kind))


@pytest.mark.parametrize(
    ("kind", "lines", "message"),
    [
        ("generation", [SECTIONS["references"], SECTIONS["phrases"]], "give one of references and phrases"),
        ("regression", ["number: {column: c, low: 5, high: 5}"], r":6:1: number: low must be below high"),
        ("regression", ["number: {column: c, low: x, high: 5}"], r"number\.low: expected a number"),
        ("extraction", ["spans: {column: c, types: []}"], "spans: give at least one type"),
        ("extraction", ["spans: {column: c, types: [X, X]}"], "spans: a type stands twice"),
        ("extraction", ["spans: {tokens: t, types: [X]}"], r"give column \(spans with offsets\), or tokens and tags"),
        ("extraction", ["spans: {tokens: t, tags: g, types: [X], scheme: BIO}"], "scheme: 'BIO' is not known"),
        ("multilabel", ["labels: {column: c, values: [a]}"], "labels: give at least two label values"),
        ("ranking", ["relevance: {candidates: 0}"], r"relevance\.candidates: Input should be greater than or equal"),
        ("multiple-choice", ["options: {column: o, answr: c}"], r"unknown key 'options\.answr'\n  Did you mean"),
    ],
)  # fmt: skip
def test_what_a_section_cannot_mean_is_told(tmp_path: Path, kind: str, lines: list[str], message: str) -> None:
    """Ranges, types, columns and schemes are checked before any data are read."""
    with pytest.raises(PromptsciError, match=message):
        read_task(put(tmp_path, kind, *lines))


@pytest.mark.parametrize(
    ("form", "front", "target", "message"),
    [
        ("references", "about: x", "{{ choice }}", r"does not use 'answer', so every example would have"),
        ("options", "about: x", "{{ answer }}", r"does not use 'choice' or 'letter'"),
        ("options", "choices: {A: a}", "{{ letter }}", r"plain\.jinja:2:1: choices: task tiny .* has no labels"),
        ("label", "max_tokens: 5", "{{ choice }}", r"plain\.jinja:2:1: max_tokens: nothing is written"),
        ("label", "numbers: [1, 2]", "{{ choice }}", r"numbers: a classification task has none"),
        ("number", "numbers: [1, 9]", "{{ answer }}", r"numbers: 9 lies outside 0 to 5"),
        ("number", "numbers: [1, 1.2]", "{{ answer }}", r"numbers: give two or more that differ when written with 0"),
        ("number", "numbers: [1, 2]\nstop: [x]", "{{ answer }}", r":3:1: stop: nothing is written in this template"),
        ("number", "max_tokens: 0", "{{ answer }}", r"max_tokens: Input should be greater than or equal to 1"),
        ("spans", "choices: {Y: y}", "{{ answer }}", r"choices: 'Y' is not a label of task tiny"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_ask_for_the_form_is_told(
    tmp_path: Path, form: str, front: str, target: str, message: str
) -> None:
    """The target must show the answer of the form, and the front matter only settings that the form has."""
    task = read_task(put(tmp_path, FORMS[form].kind, SECTIONS[form]))
    with pytest.raises(PromptsciError, match=message):
        check_fit(read_template(template(tmp_path, front, target)), task)


def test_a_stop_keeps_its_white_space(tmp_path: Path) -> None:
    """A line break can end an answer."""
    assert read_template(template(tmp_path, 'stop: ["\\n", " "]', "{{ answer }}")).front.stop == ["\n", " "]
