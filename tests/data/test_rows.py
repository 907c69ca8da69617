from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptsci.data import Example
from promptsci.data.findings import Findings
from promptsci.data.rows import to_examples
from promptsci.errors import DataError, Problems
from promptsci.spec import Task


def read(task: Task, *rows: dict[str, Any]) -> tuple[Example, ...]:
    """The rows, on lines 1, 2, ..., as Examples."""
    return to_examples(enumerate(rows, 1), task, "test", Findings("a.jsonl"))


def test_columns_become_fields(make_task: Callable[..., Task]) -> None:
    """Each field holds the value of its column, unchanged; other columns are left out."""
    task = make_task(fields={"sentence": "text", "year": "y", "names": "authors"})
    (example,) = read(task, {"text": "  A\0 b ", "y": 1999, "authors": ["x"], "label": "result", "spare": 1})

    assert example == Example("test-0", {"sentence": "  A\0 b ", "year": 1999, "names": ["x"]}, "result")


def test_rows_without_ids_are_counted_from_zero(task: Task) -> None:
    """Made-up ids are the split and the index of the row."""
    assert [example.id for example in read(task, *[{"text": "a"}] * 3)] == ["test-0", "test-1", "test-2"]


def test_ids_are_text(task: Task) -> None:
    """A column id is used as text, whether text or whole number."""
    assert [example.id for example in read(task, {"id": "b-7", "text": "a"}, {"id": 8, "text": "a"})] == ["b-7", "8"]


@pytest.mark.parametrize(
    ("label", "gold"),
    [("method", "method"), ("METHOD", "method"), (0, "method"), ("0", "method"), (None, None), ("", None)],
)
def test_labels_are_read_as_the_task_spells_them(task: Task, label: Any, gold: str | None) -> None:
    """Other spellings, numbers among them, are read as the task says; null and empty are no label."""
    assert read(task, {"text": "a", "label": label})[0].gold == gold


def test_a_row_without_label_is_not_labelled(task: Task) -> None:
    """Data to be labelled has no label column."""
    assert read(task, {"text": "a"})[0].gold is None


def test_true_and_false_can_be_labels(make_task: Callable[..., Task]) -> None:
    """JSON's true and false are the words true and false."""
    task = make_task(label={"column": "label", "values": ["true", "false"]})

    assert [example.gold for example in read(task, {"text": "", "label": True}, {"text": "", "label": False})] == [
        "true",
        "false",
    ]


def test_text_of_white_space_is_kept(task: Task) -> None:
    """An empty or blank text is a row like others."""
    assert [example.text for example in read(task, {"text": ""}, {"text": " \n"})] == ["", " \n"]


def brief(value: object) -> str:
    """A test id of bearable length."""
    return repr(value)[:30]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"^a\.jsonl: there are no rows$"),
        (
            [{"txet": "a", "label": "method"}],
            r"^a\.jsonl:1: there is no column 'text'\n  Did you mean 'txet'\? Columns: txet, label\.$",
        ),
        ([{"s": 1}] * 40, r"^a\.jsonl:1: there is no column 'text' \(40 rows; this is the first\)\n  Columns: s\.$"),
        ([{"text": "a"}, {}], r"^a\.jsonl:2: there is no column 'text'\n  The row is empty\.$"),
        ([{f"c{n}": 1 for n in range(30)}], r"Columns: c0, .*c19 and 10 more\.$"),
        ([{"text": None}], r"^a\.jsonl:1: column 'text' is null\n  Give it a value, or remove the row\.$"),
        (
            [{"text": "a", "label": "methods"}],
            r"^a\.jsonl:1: label 'methods' is not a label of the task\n  Did you mean 'method'\?$",
        ),
        (
            [{"text": "a", "label": "zzz"}],
            r"^a\.jsonl:1: label 'zzz' is not a label of the task\n"
            r"  Known: method, result\. Other spellings go under label, read in task\.yaml\.$",
        ),
        ([{"text": "a", "label": "x" * 10_000_000}], r"label 'x{59}…' is not a label of the task\n"),
        ([{"text": "a", "label": 7}], r"label '7' is not a label of the task\n"),
        (
            [{"text": "a", "label": ["method"]}],
            r"^a\.jsonl:1: the label in column 'label' is a list; one label is expected$",
        ),
        ([{"text": "a", "label": {}}], r"the label in column 'label' is an object; one label is expected$"),
        (
            [{"id": "x", "text": "a"}, {"id": "y", "text": "a"}, {"id": "x", "text": "b"}],
            r"^a\.jsonl:3: the id 'x' stands twice, on lines 1 and 3$",
        ),
        (
            [{"id": 1, "text": "a"}, {"id": "1", "text": "b"}],
            r"^a\.jsonl:2: the id '1' stands twice, on lines 1 and 2$",
        ),
        (
            [{"id": "x", "text": "a"}, {"text": "a"}],
            r"^a\.jsonl:2: some rows have an id and some have none\n  Give every row an id, or none\.$",
        ),
        ([{"text": "a"}, {"id": "x", "text": "a"}], r"^a\.jsonl:2: some rows have an id and some have none\n"),
        ([{"id": "", "text": "a"}], r"^a\.jsonl:1: the id is neither text nor a whole number\n  Give every row an id"),
        ([{"id": None, "text": "a"}], r"^a\.jsonl:1: the id is neither text nor a whole number\n"),
        ([{"id": True, "text": "a"}], r"^a\.jsonl:1: the id is neither text nor a whole number\n"),
        (
            [{"text": "a\ud83d"}],
            r"^a\.jsonl:1: column 'text' holds \\ud83d, half of a character\n  Write the whole character\.$",
        ),
        ([{"text": ["a", {"b": "\udc00"}]}], r"^a\.jsonl:1: column 'text' holds \\udc00, half of a character\n"),
        ([{"text": b"a"}], r"^a\.jsonl:1: column 'text' holds a bytes, which a template cannot show\n  Convert it to"),
        ([{"text": [b"a"]}], r"^a\.jsonl:1: column 'text' holds a list or object with something other than text and"),
    ],
    ids=brief,
)
def test_bad_rows(task: Task, rows: list[dict[str, Any]], message: str) -> None:
    """What is wrong with a row is said in one sentence, with its line and the nearest right name."""
    with pytest.raises(DataError, match=message):
        read(task, *rows)


def test_all_problems_at_once(task: Task) -> None:
    """A file with different problems tells them together."""
    with pytest.raises(Problems) as caught:
        read(task, {"text": None}, {"text": "a", "label": "metod"}, {"text": "a", "label": "metod"})

    assert str(caught.value).splitlines() == [
        "a.jsonl:1: column 'text' is null",
        "  Give it a value, or remove the row.",
        "a.jsonl:2: label 'metod' is not a label of the task (2 rows; this is the first)",
        "  Did you mean 'method'?",
    ]
