from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from promptsci.author.check import Request, check
from promptsci.errors import SpecError
from promptsci.lm import Reader
from promptsci.spec import Catalog

T, Y = "plain.jinja", "task.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (Y, "licence: CC0-1.0\n", ""),
        (T, "mixed: both", "mixed: blame and praise"),
        (T, "It is\n", "It is (\n"),
    ],
    ids=["PS501", "PS205", "PS109"],
)
@pytest.mark.parametrize("above", [False, True], ids=["same-line", "line-above"])
def test_a_comment_silences_a_finding(desk: Any, file: str, old: str, new: str, above: bool) -> None:
    """An ignore comment on a finding's line, or on the line above it, silences it and it is counted."""
    desk.edit(file, old, new)
    (finding,) = desk.check(read_data=False).findings
    lines = desk.path(file).read_text(encoding="utf-8").split("\n")
    in_jinja = finding.code == "PS109"
    comment = f"{{# promptsci: ignore {finding.code} #}}" if in_jinja else f"# promptsci: ignore {finding.code}"
    place = finding.place.line - 1
    if above:
        lines.insert(place, comment)
    else:
        lines[place] = f"{comment}{lines[place]}" if in_jinja else f"{lines[place]}  {comment}"
    desk.write(file, "\n".join(lines))
    report = desk.check(read_data=False)

    assert (report.findings, report.silenced) == ([], 1)


def test_a_comment_silences_nothing_but_its_codes_and_lines(desk: Any) -> None:
    """Another code, or a line further down, is heard."""
    desk.edit(T, "mixed: both", "mixed: blame and praise  # promptsci: ignore PS204, PS206")
    desk.edit(T, "about: A", "# promptsci: ignore PS205\nabout: A")
    report = desk.check(read_data=False)

    assert [each.code for each in report.findings] == ["PS205"]
    assert report.silenced == 0


def test_several_codes_in_one_comment(desk: Any) -> None:
    """Codes are given with commas or spaces between them."""
    desk.edit(Y, "licence: CC0-1.0\n", "")
    desk.edit(Y, "name: verdicts\n", "name: verdict  # promptsci: ignore PS509, PS501\ntemplates: verdicts\n")

    assert desk.check(read_data=False).silenced == 2


def test_everything_is_told_in_one_go(desk: Any) -> None:
    """A broken task does not hide a broken template, nor the data, nor the other tasks."""
    desk.write("tasks/other/task.yaml", "name: other\n")
    desk.edit(T, "{{ text }}", "{{ txet }}")
    desk.edit(T, "bad: blame", "bad: both")
    desk.write("train.jsonl", "{\n")
    desk.write("templates/other/plain.jinja", "no front matter")
    found = {each.code for each in desk.check().findings}

    assert found == {"PS003", "PS004", "PS101", "PS203", "PS401"}


def test_one_task_and_one_wording_can_be_asked_for(desk: Any) -> None:
    """``task`` and ``template`` narrow what is looked at; a template alone is looked at with all its tasks."""
    desk.edit(T, "It is\n", "It is (\n")
    desk.write("templates/verdicts/curt.jinja", desk.path(T).read_text().replace("It is (", "So:"))
    desk.write("tasks/other/task.yaml", desk.path(Y).read_text().replace("name: verdicts", "name: other"))
    alone = desk.check(task="verdicts", template="curt", read_data=False)
    folder = desk.check(template="verdicts/plain", read_data=False)

    assert (alone.findings, alone.tasks, alone.templates) == ([], 1, 1)
    assert [each.code for each in folder.findings] == ["PS109"]
    assert desk.check(task="other", read_data=False).findings[0].code == "PS010"


def test_a_template_of_two_tasks_is_told_once(desk: Any) -> None:
    """A finding that two tasks lead to is one finding."""
    desk.write("tasks/other/task.yaml", desk.path(Y).read_text().replace("verdicts", "other\ntemplates: verdicts", 1))
    desk.edit(T, "It is\n", "It is (\n")
    report = desk.check(read_data=False)

    assert [each.code for each in report.findings] == ["PS109"]
    assert (report.tasks, report.templates) == (2, 1)


@pytest.mark.parametrize(
    "asked", [{"task": "verdict"}, {"template": "verdicts/plian"}, {"task": "verdicts", "template": "plian"}]
)
def test_an_unknown_name_is_an_error_with_the_nearest(desk: Any, asked: dict[str, str]) -> None:
    """A name that nobody knows is no finding but an error."""
    with pytest.raises(SpecError, match="Did you mean"):
        desk.check(**asked)


def test_what_was_not_looked_at_is_said(desk: Any, make_reader: Callable[..., Reader]) -> None:
    """Remote data, and tokens of a wording that only real rows can fill, are named as not looked at."""
    remote = "path: org/name\n    revision: 0123abc"
    desk.edit(Y, "files: {train: train.jsonl, test: test.jsonl}", remote)
    desk.edit(T, "{{ text }}", "{% for each in text.sentences %}{{ each }}{% endfor %}")
    report = desk.check(make_reader(words=(" praise", " blame", " both")))

    assert report.findings == []
    assert [note.split(":")[0] for note in report.notes] == ["data of verdicts", "tokens of verdicts/plain"]
    assert (report.rows, report.reader) == (0, "made-up")


HOSTILE = {
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{{ i }}{% endfor %}{% endfor %}{{ text }}",
    "output": "{{ text * 99999999 }}",
    "doubling": "{% set n = namespace(x=text) %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "power": "{{ 9 ** 9 ** 9 ** 9 }}{{ text }}",
    "recursion": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(text) }}",
    "exponential-macros": "".join(
        f"{{% macro m{n}(x) %}}{{{{ m{n - 1}(x) }}}}{{{{ m{n - 1}(x) }}}}{{% endmacro %}}" if n else
        "{% macro m0(x) %}{{ x }}{% endmacro %}" for n in range(40)
    ) + "{{ m39(text) }}",
    "class": "{{ text.__class__.__mro__[1].__subclasses__() }}",
    "format": "{{ '%s' | format(text) }}",
    "self": "{{ text.join.__self__ }}",
    "parentheses": "{{ " + "(" * 5000 + "text" + ")" * 5000 + " }}",
    "lists": "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "sums": "{{ " + "text + " * 4000 + "text }}",
    "tests": "".join(f"{{% if choices | length == {n} %}}{n}{{% endif %}}" for n in range(900)) + "{{ text }}",
    "nested-tests": "{% if text %}" * 400 + "{{ text }}" + "{% endif %}" * 400,
    "heavy-tests": "{% if ('x' * 9999999) | length > 3 %}a{% else %}b{% endif %}" * 50 + "{{ text }}",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_templates_end_soon_in_a_finding(desk: Any, name: str) -> None:
    """Endless loops, huge output, escapes and deep nesting end within two seconds of work, in one clear finding."""
    desk.edit(T, "{{ text }}", HOSTILE[name])
    start = time.process_time()
    found = desk.check(read_data=False).findings
    spent_s = time.process_time() - start

    assert found
    assert {each.place.file for each in found} == {str(desk.path(T))}
    assert all(each.what for each in found)
    assert spent_s < 2


@pytest.mark.parametrize(("file", "code"), [(T, "PS001"), (Y, "PS001")])
def test_a_file_of_ten_megabytes_ends_at_once(desk: Any, file: str, code: str) -> None:
    """A file that is no page of text is refused without reading it."""
    desk.write(file, b"---\n" + b"x: y\n" * 2_000_000)
    start = time.process_time()
    found = desk.check(read_data=False).findings

    assert (code, str(desk.path(file))) in [(each.code, each.place.file) for each in found]
    assert time.process_time() - start < 2


def test_a_yaml_bomb_is_refused(desk: Any) -> None:
    """Aliases that stand for each other many times over are not followed."""
    lines = ["about: &a0 x", *(f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20))]
    desk.edit(T, "about: A plain question.", "\n".join(lines))
    found = desk.check(read_data=False).findings

    assert {each.code for each in found} == {"PS002"}


def test_an_empty_catalogue_is_clean(tmp_path: Any) -> None:
    """Where nothing is, nothing is found."""
    report = check(Catalog((tmp_path,)), Request())

    assert (report.findings, report.tasks, report.templates) == ([], 0, 0)
