from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.data import read_dataset
from promptsci.errors import DataError
from promptsci.spec import Task

Write = Callable[[str, "str | bytes"], str]
ROW = '{"text": "a", "label": "method"}\n'


def test_the_first_source_is_the_default(task: Task, write: Write, tmp_path: Path) -> None:
    """Without data= the task's first source is read, beside its task.yaml."""
    write("home/train.jsonl", ROW)
    write("home/test.jsonl", ROW * 2)
    dataset = read_dataset(task.model_copy(update={"folder": tmp_path / "home"}))

    assert (dataset.source, dataset.origin) == ("bundled", str(tmp_path / "home"))
    assert {name: len(split.examples) for name, split in dataset.splits.items()} == {"train": 1, "test": 2}
    assert dataset.splits["train"].sha256 == hashlib.sha256(ROW.encode()).hexdigest()
    assert dataset.splits["train"].origin == str(tmp_path / "home" / "train.jsonl")


@pytest.mark.parametrize(
    ("name", "split"),
    [("mine.jsonl", "test"), ("train.jsonl", "train"), ("dev.jsonl", "validation"), ("val.jsonl", "validation")],
)
def test_a_file_is_one_split(task: Task, write: Write, name: str, split: str) -> None:
    """A file is the split it is called after, or test; source and origin are the path as given."""
    dataset = read_dataset(task, write(f"d/{name}", ROW))

    assert list(dataset.splits) == [split]
    assert dataset.source == dataset.origin == dataset.splits[split].origin == f"d/{name}"
    assert dataset.splits[split].examples[0].id == f"{split}-0"


def test_a_folder_of_splits(task: Task, write: Write) -> None:
    """A folder's files are its splits, in the order train, validation, test; other files are read when needed."""
    for name in ("test.csv", "dev.tsv"):
        write(f"d/{name}", "text,label\na,method\n".replace(",", "\t" if name == "dev.tsv" else ","))
    for name in ("train.txt", "train_clean.jsonl", "notes.txt", "README.md", ".hidden.jsonl"):
        write(f"d/{name}", ROW)

    assert list(read_dataset(task, "d").splits) == ["train", "validation", "test"]
    assert list(read_dataset(task, "d", needed=["test", "train_clean"]).splits) == ["train_clean", "test"]
    assert list(read_dataset(task, "d", needed=["dev"]).splits) == ["validation"]
    assert list(read_dataset(task, "d", needed=["test"], if_there=["dev", "xyz"]).splits) == ["validation", "test"]
    with pytest.raises(DataError, match=r"^d: there is no split 'train_clen'\n  Did you mean 'train_clean'\?$"):
        read_dataset(task, "d", needed=["train_clen", "test"])
    with pytest.raises(
        DataError, match=r"^d: there is no split 'xyz'\n  Known: test, train, train_clean, validation\.$"
    ):
        read_dataset(task, "d", needed=["xyz"])


def test_only_what_is_needed_is_read(task: Task, write: Write) -> None:
    """A broken file that is not asked for does no harm."""
    write("d/train.jsonl", "{")
    write("d/test.jsonl", ROW)

    assert list(read_dataset(task, "d", needed=["test"]).splits) == ["test"]


def test_parquet_like_the_others(task: Task, write: Write) -> None:
    """Parquet rows are checked like others and numbered from 1."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    write("d/x", "")
    parquet.write_table(pa.table({"text": ["a", "b"], "label": [0, None], "id": [7, 8]}), "d/good.parquet")
    parquet.write_table(pa.table({"text": ["a", "b"], "label": ["method", "reslut"]}), "d/bad.parquet")
    (split,) = read_dataset(task, "d/good.parquet").splits.values()

    assert [(example.id, example.gold) for example in split.examples] == [("7", "method"), ("8", None)]
    with pytest.raises(
        DataError, match=r"^d/bad\.parquet:2: label 'reslut' is not a label of the task\n  Did you mean 'res"
    ):
        read_dataset(task, "d/bad.parquet")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "bundeld",
            r"^task tiny has no data 'bundeld'\n  Did you mean 'bundled'\? Or give a file, a folder, a URL, or a Hub",
        ),
        (
            "zzz",
            r"^task tiny has no data 'zzz'\n  Known: bundled\. Or give a file, a folder, a URL, or a Hub id such as",
        ),
        ("missing.jsonl", r"^missing\.jsonl: there is no such file or folder$"),
        ("d/missing.csv", r"^d/missing\.csv: there is no such file or folder$"),
        ("./d/none", r"^\./d/none: there is no such file or folder$"),
        (
            "ftp://a/b.jsonl",
            r"^ftp://a/b\.jsonl: 'ftp://' addresses cannot be read\n  Give an http or https address, or a",
        ),
        ("http://[a/b", r"^http://\[a/b: this is not an address: Invalid IPv6 URL$"),
        (
            "empty",
            r"^empty: the folder holds no data file\n  Put train\.jsonl, validation\.jsonl and test\.jsonl there",
        ),
        ("odd", r"^odd: there is no split train, validation or test\n  Splits: other\. Name the file as data=PATH\.$"),
        (
            "twice",
            r"^twice: dev\.jsonl and validation\.csv are both the split 'validation'\n  Remove one, or give one file",
        ),
        ("twice/dev.jsonl", r"^twice/dev\.jsonl: there are no rows$"),
        ("./" + "x" * 300, r"^\./x{57}…: cannot look there: File name too long$"),
        ("bundled", r"^train\.jsonl: there is no such file$"),
    ],
)
def test_data_that_is_not_there(task: Task, write: Write, word: str, message: str) -> None:
    """Whatever word is given, the error says what was looked for and what to type."""
    write("empty/README.md", "x")
    write("odd/other.jsonl", ROW)
    write("twice/dev.jsonl", "\n\n")
    write("twice/validation.csv", "text\n")

    with pytest.raises(DataError, match=message):
        read_dataset(task, word)


def test_only_the_hub_has_revisions(task: Task, write: Write) -> None:
    """A revision for a file would be ignored, so it is refused."""
    with pytest.raises(DataError, match=r"^a\.jsonl: only Hub data has a revision\n  Leave the revision out\.$"):
        read_dataset(task, write("a.jsonl", ROW), revision="abc")


def test_a_file_that_may_not_be_read(task: Task, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own words are passed on, without a traceback."""
    write("a.jsonl", ROW)

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"^a\.jsonl: the file cannot be read: Permission denied$"):
        read_dataset(task, "a.jsonl")


def test_a_home_folder_is_found(task: Task, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``~`` is the user's folder also when the shell has not seen it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write("a.jsonl", ROW)

    assert read_dataset(task, "~/a.jsonl").origin == str(tmp_path / "a.jsonl")


@pytest.mark.slow
def test_a_hundred_thousand_rows(task: Task, write: Write) -> None:
    """100,000 rows are read in seconds, not minutes."""
    import time

    write(
        "a.jsonl",
        "".join(json.dumps({"text": f"{n} " + "word " * 40, "label": "method"}) + "\n" for n in range(100_000)),
    )
    start = time.perf_counter()
    dataset = read_dataset(task, "a.jsonl")

    assert len(dataset.splits["test"].examples) == 100_000
    assert time.perf_counter() - start < 10
