from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.author import Said, plan_task, read_table, write_task
from promptsci.author.parts import split_rows
from promptsci.data import integrity, read_dataset
from promptsci.errors import DataError, SpecError
from promptsci.prompt import Assembler
from promptsci.spec import Catalog, check_fit

Sheet = Callable[..., Path]
ROWS = [
    {"Sentence": f"We follow the method of {i}.", "Intent": ("Uses", "CompareOrContrast")[i % 2], "year": f"20{i:02}"}
    for i in range(30)
]


def written(path: Path, root: Path, **asked: object) -> Catalog:
    """The catalogue that holds the task ``mine`` made of a file."""
    write_task(plan_task("mine", read_table(path), root, Said(**asked)), root)
    return Catalog((root,))


def test_a_new_task_reads_its_rows_and_says_them(sheet: Sheet, tmp_path: Path) -> None:
    """Every wording fits the task, and renders every row with its words; rows with the same text are in one split."""
    catalog = written(sheet([*ROWS, ROWS[0]]), tmp_path)
    task = catalog.task("mine")
    dataset = read_dataset(task)

    assert list(catalog.wordings(task)) == ["listed", "plain", "terse"]
    assert sum(len(split.examples) for split in dataset.splits.values()) == 31
    assert all(not overlap.rows for overlap in integrity(dataset).overlaps)
    for wording in catalog.wordings(task):
        template = catalog.template(wording, task)
        check_fit(template, task)
        for example in dataset.split("test").examples:
            prompt = Assembler(task, template).prompt(example)
            assert example.text in prompt.query
            assert prompt.choices == ("compare or contrast", "uses")


def test_the_plain_wording(sheet: Sheet, tmp_path: Path) -> None:
    """The question is made of the names of the columns."""
    catalog = written(sheet(ROWS), tmp_path)
    task = catalog.task("mine")
    example = read_dataset(task).split("train").examples[0]

    assert Assembler(task, catalog.template("plain", task)).prompt(example).plain() == (
        "Which intent fits each sentence?\nAnswer with one of: compare or contrast, uses.\n\n"
        f"Sentence: {example.text}\nIntent:"
    )


def test_split_files_stay_where_they_are(sheet: Sheet, tmp_path: Path) -> None:
    """Train and test files are named in task.yaml, not copied."""
    sheet(ROWS[:20], "train.csv")
    catalog = written(sheet(ROWS[20:], "test.csv"), tmp_path)
    task = catalog.task("mine")

    assert task.data["own"].files == {"test": "../../test.csv", "train": "../../train.csv"}
    assert len(read_dataset(task).split("train").examples) == 20


def test_validation_stands_in_for_a_missing_test(sheet: Sheet, tmp_path: Path) -> None:
    """Train and validation alone: validation is scored, and the task says so."""
    sheet(ROWS[:20], "train.csv")
    source = written(sheet(ROWS[20:], "dev.csv"), tmp_path).task("mine").data["own"]

    assert source.files == {"test": "../../dev.csv", "train": "../../train.csv"}
    assert "validation is used as test" in str(source.about)


def test_files_elsewhere_are_named_in_full(sheet: Sheet, tmp_path: Path) -> None:
    """Files outside the project are named by their whole path, so that the task can be moved with the project."""
    (tmp_path / "project").mkdir()
    sheet(ROWS[:20], "train.csv")
    files = written(sheet(ROWS[20:], "test.csv"), tmp_path / "project").task("mine").data["own"].files

    assert files == {"train": str(tmp_path / "train.csv"), "test": str(tmp_path / "test.csv")}


def test_a_named_label_makes_a_classification(tmp_path: Path) -> None:
    """Rows with options are made for multiple choice; a named label is taken all the same."""
    path = tmp_path / "rows.jsonl"
    rows = [{"q": f"What is number {i}?", "options": ["a", "b"], "answer": "AB"[i % 2]} for i in range(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert plan_task("mine", read_table(path), tmp_path).kind == "multiple-choice"
    assert plan_task("mine", read_table(path), tmp_path, Said(label="answer")).labels == ["A", "B"]


def test_odd_columns_and_labels(sheet: Sheet, tmp_path: Path) -> None:
    """Names that are no variables, words that YAML or Jinja would read otherwise, and spellings come out whole."""
    rows = [
        {"the text": f"{{{{ {i} }}}} is: #{i}", "choice": f"a longer text, number {i}", "y": label}
        for i, label in enumerate(["yes", "no", "Yes", "1e3"] * 6)
    ]
    catalog = written(sheet(rows), tmp_path, label="y")
    task = catalog.task("mine")

    assert set(task.fields) == {"the_text", "choice_column"}
    assert set(task.labels) == {"yes", "no", "1e3"} or set(task.labels) == {"Yes", "no", "1e3"}
    example = read_dataset(task).split("test").examples[0]
    assert "{{" in Assembler(task, catalog.template(None, task)).prompt(example).query


def test_nothing_is_replaced_unasked(sheet: Sheet, tmp_path: Path) -> None:
    """A second time is an error that names the file, and nothing is written; with force the files are new."""
    path = sheet(ROWS)
    written(path, tmp_path)
    plan = plan_task("mine", read_table(path), tmp_path)
    (tmp_path / "tasks" / "mine" / "task.yaml").write_text("mine")
    (tmp_path / "tasks" / "mine" / "train.jsonl").unlink()
    with pytest.raises(SpecError, match=r"task\.yaml: the file is there already"):
        write_task(plan, tmp_path)

    assert not (tmp_path / "tasks" / "mine" / "train.jsonl").exists()
    write_task(plan, tmp_path, force=True)
    assert Catalog((tmp_path,)).task("mine").name == "mine"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"label": "Intend"}, "there is no column 'Intend'"),
        ({"label": "Sentence"}, "column 'Sentence' cannot be the label"),
        ({"fields": ["Sentense"]}, "there is no column 'Sentense'"),
        ({"fields": ["Intent"]}, "the model must not read it"),
    ],
    ids=["no-column", "no-label", "no-field", "leak"],
)
def test_what_cannot_be_meant_is_refused(sheet: Sheet, tmp_path: Path, asked: dict, said: str) -> None:
    """Columns that are not there, cannot be labels, or would show the answer are errors."""
    with pytest.raises(DataError, match=said):
        plan_task("mine", read_table(sheet(ROWS)), tmp_path, Said(**asked))


def test_rows_that_ask_nothing_are_refused(sheet: Sheet, tmp_path: Path) -> None:
    """No label, no text, a bad name, or too few rows: an error that says what was seen."""
    with pytest.raises(DataError, match=r"no column looks like a label.*a \(4 values\)"):
        plan_task("mine", read_table(sheet([{"a": f"x{i}"} for i in range(4)])), tmp_path)
    with pytest.raises(DataError, match="no column looks like text"):
        plan_task("mine", read_table(sheet([{"label": "ab"[i % 2]} for i in range(4)])), tmp_path)
    with pytest.raises(SpecError, match="cannot be the name of a task"):
        plan_task("My Task", read_table(sheet(ROWS)), tmp_path)
    with pytest.raises(DataError, match="too few"):
        plan_task("mine", read_table(sheet(ROWS[:2] * 2)), tmp_path)


TEXTS = st.sampled_from(["a", "b", "c d", "C  D", "e", "f", "g"])


@settings(max_examples=50)
@given(st.lists(st.tuples(TEXTS, st.sampled_from(["x", "y", "", None])), max_size=40))
def test_every_labelled_row_has_one_split(pairs: list[tuple[str, str | None]]) -> None:
    """No labelled row is lost or doubled, unlabelled ones are in no split, and like texts share one."""
    rows = [{"n": i, "text": text, "label": label} for i, (text, label) in enumerate(pairs)]
    parts = split_rows(rows, ["text"], "label")
    placed = [row for part in parts.values() for row in part]
    keys = {name: {" ".join(row["text"].split()).casefold() for row in part} for name, part in parts.items()}

    assert sorted(row["n"] for row in placed) == [row["n"] for row in rows if row["label"]]
    assert sum(map(len, keys.values())) == len(set().union(*keys.values()))
