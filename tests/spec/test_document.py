from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from promptsci.errors import Problems, SpecError
from promptsci.spec.catalog import shipped_root
from promptsci.spec.document import Record, parse, validate


class Inner(Record):
    size: int
    kind: str = "a"


class Outer(Record):
    name: str
    inner: Inner | None = None
    many: dict[str, Inner] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "word", "yes no on off true null ~ 1e3 1_000 007 0x1f 2019-01-02 12:30:00 1.0 .inf - = <<".split()
)
def test_every_scalar_is_the_text_that_stands_there(word: str) -> None:
    """What YAML 1.1 would turn into a boolean, a number or a date stays a word, as a value, an item and a key."""
    if word in "-":
        word = f"'{word}'"
    document = parse(f"value: {word}\nlist: [{word}]\n{word}: key\n", "f")

    assert document.value == {"value": word.strip("'"), "list": [word.strip("'")], word.strip("'"): "key"}


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_any_text_comes_back(value: dict[str, str]) -> None:
    """What PyYAML writes as text is read back as that text, whatever its characters."""
    text = yaml.dump(value, allow_unicode=False, default_style='"')

    assert parse(text, "f").value == value


def test_every_value_knows_its_place() -> None:
    """Keys, nested keys and items know line and column, counted from where the text stands in the file."""
    document = parse("a: 1\nb:\n  c: [x, y]\n", "f.yaml", first_line=5)

    assert [document.where(path) for path in [("a",), ("b", "c"), ("b", "c", 1), ("b", "nope"), ()]] == [
        "f.yaml:5:1",
        "f.yaml:7:3",
        "f.yaml:7:10",
        "f.yaml:6:1",
        "f.yaml:5:1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", r"^f:2:1: 'a' is given twice\n  Remove one of them\.$"),
        ("a: {b: 1, b: 2}", r"^f:1:11: 'b' is given twice"),
        ("a: b: c", r"^f:1: this is not YAML: mapping values are not allowed here$"),
        ("a: 1\nb: [", r"^f:2: this is not YAML: "),
        ("- a", r"^f:1: expected 'key: value' lines$"),
        ("word", r"^f:1: expected 'key: value' lines$"),
        ("a: 1\nb: x\0y", r"^f:2: this is not YAML: character U\+0000 is not allowed$"),
        ("a: &x [1]\nb: *x", r"^f:1:4: '\*' stands for another value here"),
        ("a: &x [*x]", r"'\*' stands for another value here\n  Write the value out\."),
        ("? [a, b]\n: c", r"^f:1:3: a key is one word or text$"),
        ("a: !!python/object:os.system x", r"^f:1:4: the tag '.*os.system' means nothing here"),
        ('a: "\\ud800"', r"^f:1:4: this text holds half of a character"),
        ("a: 1\n---\nb: 2", r"^f:2: this is not YAML: "),
        ("a: " + "[" * 5000, r"^f: the YAML is nested too deeply$"),
    ],
)
def test_what_cannot_be_meant_is_an_error_with_its_line(text: str, message: str) -> None:
    """Text that is not plain YAML, or says a thing twice or in riddles, is refused."""
    with pytest.raises(SpecError, match=message):
        parse(text, "f")


def test_all_repeats_are_told_at_once() -> None:
    """Two keys that are given twice are two problems."""
    with pytest.raises(Problems, match=r"(?s)^f:2:1: 'a' .*\nf:4:1: 'b' "):
        parse("a: 1\na: 2\nb: 1\nb: 2", "f")


def test_laughs_are_cut_short() -> None:
    """Aliases that would unfold to billions of words end in an error at once."""
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
    start = time.perf_counter()
    with pytest.raises(Problems, match="stands for another value"):
        parse(text, "f")

    assert time.perf_counter() - start < 2


def test_all_problems_of_a_record_come_at_once() -> None:
    """Unknown keys come with the nearest spelling of the record they stand in; missing keys and wrong types too."""
    document = parse("nam: x\ninner:\n  siz: 3\nmany:\n  first: {size: large, kindd: b}\n  second: word\n", "f")
    with pytest.raises(Problems) as caught:
        validate(Outer, document)

    assert sorted(problem.text() for problem in caught.value.problems) == [
        "f:1:1: 'name' is missing",
        "f:1:1: unknown key 'nam'\n  Did you mean 'name'?",
        "f:2:1: 'inner.size' is missing",
        "f:3:3: unknown key 'inner.siz'\n  Did you mean 'size'?",
        "f:5:11: many.first.size: expected a whole number",
        "f:5:24: unknown key 'many.first.kindd'\n  Did you mean 'kind'?",
        "f:6:3: many.second: expected 'key: value' lines",
    ]


def test_a_sound_document_becomes_a_record() -> None:
    """Words become numbers by the field's type alone."""
    assert validate(Outer, parse("name: 007\ninner: {size: 12}", "f")) == Outer(name="007", inner=Inner(size=12))


@pytest.mark.parametrize(
    "path", sorted((shipped_root() / "tasks").glob("*/task.yaml")), ids=lambda path: path.parent.name
)
def test_both_parsers_read_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and places are those of PyYAML's own parser, where libyaml's is taken for its speed."""
    text = path.read_text(encoding="utf-8")
    fast = parse(text, str(path))
    monkeypatch.setattr("promptsci.spec.document.yaml.__with_libyaml__", False)
    own = parse(text, str(path))

    assert (fast.value, fast.places) == (own.value, own.places)


def test_deep_yaml_ends_in_an_error() -> None:
    """What is nested deeply enough to end libyaml's composer in a crash is an error like any other."""
    for text in ("a: " + "[" * 90_000 + "]" * 90_000, "{a: " * 40_000 + "1" + "}" * 40_000):
        with pytest.raises(SpecError, match="nested too deeply"):
            parse(text, "deep.yaml")
