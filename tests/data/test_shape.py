"""Public homes in other shapes than ours: tokens in columns, objects in rows, an abstract a line, one file for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from promptsci.data import Example, Split, read_dataset
from promptsci.data.findings import Findings
from promptsci.data.shape import deal, read_conll, shaped
from promptsci.data.spans import Span
from promptsci.errors import DataError, Problems
from promptsci.spec import Source, Task
from promptsci.spec.shape import Conll, Shape

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=8)
SENTENCES = st.lists(st.lists(st.tuples(WORDS, st.sampled_from(["O", "B-a", "I-a"])), min_size=1), max_size=6)


def conll_rows(content: bytes, conll: Conll, folder: Path) -> tuple[list[tuple[int, Any]], Findings]:
    """What a file with this content is read as, and what was found wrong with it."""
    path, findings = folder / "a.txt", Findings("a.txt")
    path.write_bytes(content)
    return list(read_conll(path, conll, findings)), findings


@settings(max_examples=30)
@given(sentences=SENTENCES, gaps=st.integers(1, 3))
def test_conll_round_trip(sentences: list[list[tuple[str, str]]], gaps: int, tmp_path_factory: Any) -> None:
    """Whatever tokens and tags are written, with any number of blank lines between sentences, are read again."""
    blocks = ["".join(f"{token}\tX\tX\t{tag}\n" for token, tag in sentence) for sentence in sentences]
    content = "-DOCSTART- -X- O O\n\n" + ("\n" * gaps).join(blocks)
    read, findings = conll_rows(content.encode(), Conll(tokens=1, tags=4), tmp_path_factory.mktemp("conll"))
    findings.raise_any()

    wanted = [s for s in sentences if s[0][0] != "-DOCSTART-"]
    assert [list(zip(row["tokens"], row["tags"], strict=True)) for _, row in read] == wanted


def test_conll_lines_and_columns(tmp_path: Path) -> None:
    """A sentence has the number of its first line, and columns count from the end too."""
    read, _ = conll_rows(b"\nA x O\nb x B-t\n\n\nC y z O", Conll(tokens=1, tags=-1), tmp_path)

    assert read == [(2, {"tokens": ["A", "b"], "tags": ["O", "B-t"]}), (6, {"tokens": ["C"], "tags": ["O"]})]


def test_conll_problems_have_lines(tmp_path: Path) -> None:
    """A short line and one that is not UTF-8 are told with their numbers, both at once."""
    _, findings = conll_rows(b"A x y O\nb\n\xff x y O\n", Conll(tokens=1, tags=4), tmp_path)

    with pytest.raises(Problems) as error:
        findings.raise_any()
    assert [each.where for each in error.value.problems] == ["a.txt:2", "a.txt:3"]
    assert error.value.problems[0].what == "the line has 1 column; 1 and 4 are read"


def test_a_tagged_file_as_a_task(write: Callable[..., str]) -> None:
    """IOB1 tags in columns become spans of the text that the tokens make."""
    name = write("test.txt", "-DOCSTART- O\n\nAcute I-D\ngout I-D\nhurts O\n\nWell O\n")
    task = Task.model_validate(
        {
            "name": "t",
            "title": "T",
            "kind": "extraction",
            "data": {"here": {"files": {"test": str(Path(name).resolve())}, "shape": {"conll": {}}}},
            "spans": {"tokens": "tokens", "tags": "tags", "types": ["D"], "scheme": "IOB1"},
        }
    )
    examples = read_dataset(task).splits["test"].examples

    assert [(e.fields["text"], e.gold) for e in examples] == [("Acute gout hurts", (Span(0, 10, "D"),)), ("Well", ())]


def shape_rows(shape: Shape, *rows: dict[str, Any]) -> tuple[list[Any], Findings]:
    """The rows in that shape, and what was found wrong."""
    findings = Findings("here")
    return [row for _, row in shaped(enumerate(rows, 1), shape, findings)], findings


def test_columns_reach_into_objects() -> None:
    """``a.b`` is b inside a, unless a column is called so; what is not there is left to the reader of rows to miss."""
    shape = Shape(columns={"x": "a.b", "y": "c.d", "z": "no.thing"}, constant={"k": "1"})
    rows, _ = shape_rows(shape, {"a": {"b": [1]}, "c.d": "whole", "c": {"d": "part"}})

    assert rows == [{"a": {"b": [1]}, "c.d": "whole", "c": {"d": "part"}, "x": [1], "y": "whole", "k": "1"}]


def test_each_element_becomes_a_row() -> None:
    """Lists are walked side by side; the id says which list, and where in it."""
    shape = Shape(each={"text": "sentences", "label": "labels"})
    rows, findings = shape_rows(
        shape, {"sentences": ["a", "b"], "labels": ["x", "y"]}, {"id": "p", "sentences": ["c"], "labels": ["z"]}
    )
    findings.raise_any()

    assert [(r["id"], r["text"], r["label"], r["position"], r["count"]) for r in rows] == [
        ("0-0", "a", "x", 0, 2),
        ("0-1", "b", "y", 1, 2),
        ("p-0", "c", "z", 0, 1),
    ]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"s": ["a"], "l": ["x", "y"]}, "the lists in s and l differ in length"),
        ({"s": "a", "l": ["x"]}, "column 's' holds no list whose elements could be rows"),
        ({"l": ["x"]}, "column 's' holds no list whose elements could be rows"),
    ],
)
def test_lists_that_do_not_fit(row: dict[str, Any], what: str) -> None:
    """Lists of two lengths, and what is no list, are told with the line."""
    _, findings = shape_rows(Shape(each={"text": "s", "label": "l"}), row)

    with pytest.raises(DataError, match=f"^here:1: {what}"):
        findings.raise_any()


def split_of(texts: list[str]) -> Split:
    """A split of rows with these texts."""
    return Split("all", tuple(Example(str(i), {"text": text}) for i, text in enumerate(texts)), "0", "here")


@settings(max_examples=15)
@given(st.permutations([f"text {i % 60}" for i in range(80)]))
def test_rows_are_dealt_by_their_text(texts: list[str]) -> None:
    """Each row falls to one split, the same in any order of rows, and rows with one text to the same."""
    shares = {"train": 8.0, "validation": 1.0, "test": 1.0}
    dealt = deal(split_of(texts), shares)
    where = {example.fields["text"]: name for name, split in dealt.items() for example in split.examples}

    assert sorted(e.id for split in dealt.values() for e in split.examples) == sorted(map(str, range(80)))
    assert sum(len({e.fields["text"] for e in split.examples}) for split in dealt.values()) == 60
    ordered = deal(split_of(sorted(texts)), shares)
    assert where == {e.fields["text"]: name for name, split in ordered.items() for e in split.examples}


def test_shares_are_kept_about() -> None:
    """Of 4,000 rows dealt 6:3:1, each split gets its share within three standard deviations."""
    dealt = deal(split_of([f"row {i}" for i in range(4000)]), {"train": 0.6, "validation": 0.3, "test": 0.1})

    for name, share in (("train", 0.6), ("validation", 0.3), ("test", 0.1)):
        assert abs(len(dealt[name].examples) - 4000 * share) < 3 * (4000 * share * (1 - share)) ** 0.5


def test_too_few_rows_to_deal() -> None:
    """A split that no row falls to is an error, not an empty test set."""
    with pytest.raises(DataError, match="1 rows are too few to be dealt: none falls to"):
        deal(split_of(["a"]), {"train": 1, "test": 1})


def test_one_file_for_all_splits(write: Callable[..., str], make_task: Callable[..., Task]) -> None:
    """Only the splits that are asked for are given; a split that is no share is an error."""
    rows = "".join(json.dumps({"text": f"t{i}", "label": "method"}) + "\n" for i in range(60))
    path = str(Path(write("whole.jsonl", rows)).resolve())
    source = {"files": {"all": path}, "shape": {"shares": {"train": 1, "dev": 1}}}
    task = make_task(data={"one": source})

    assert list(read_dataset(task).splits) == ["train", "validation"]
    validation = read_dataset(task, needed=["dev"]).splits
    assert list(validation) == ["validation"]
    assert validation["validation"].sha256 == hashlib.sha256(rows.encode()).hexdigest()
    with pytest.raises(DataError, match="there is no split 'test'"):
        read_dataset(task, needed=["test"])


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ({"files": {"test": "a.csv"}, "shape": {"shares": {"train": 1, "test": 1}}}, "shares divide one split"),
        ({"path": "a/b", "shape": {"shares": {"train": 1, "test": 1}}}, "and it is called 'all'"),
        ({"files": {"all": "a.csv"}, "shape": {"shares": {"train": 1}}}, "give at least two splits"),
        ({"files": {"all": "a.csv"}, "shape": {"conll": {"tags": 0}}}, "columns count from 1"),
    ],
)
def test_shapes_that_cannot_be_meant(source: dict[str, Any], what: str) -> None:
    """A shape that contradicts its source is refused when task.yaml is read."""
    with pytest.raises(ValidationError, match=what):
        Source.model_validate(source)
