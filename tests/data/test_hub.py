from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptsci.data import read_dataset
from promptsci.errors import DataError
from promptsci.spec import Task

datasets = pytest.importorskip("datasets")


@pytest.fixture
def on_hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Stands a data set with a ClassLabel on a made-up Hub; gives the list of what was asked for."""
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["result", "method"]),
            "spare": datasets.Value("int32"),
        }
    )
    rows = {"text": ["a", "b", "c"], "label": [0, 1, -1], "spare": [1, 2, 3]}
    table = datasets.Dataset.from_dict(rows, features=features)
    asked = []

    def load_dataset(path: str, **options: Any) -> Any:
        asked.append((path, options))
        return datasets.DatasetDict({"train": table, "dev": table, "hard": table})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_a_hub_id_as_data(on_hub: list, task: Task) -> None:
    """Class numbers become names, -1 is no label, dev is validation, and the revision is asked for and kept."""
    dataset = read_dataset(task, "org/name@abc123")

    assert on_hub == [("org/name", {"name": None, "revision": "abc123"})]
    assert (dataset.origin, dataset.revision) == ("hf://datasets/org/name@abc123", "abc123")
    assert list(dataset.splits) == ["train", "validation"]
    split = dataset.splits["validation"]
    assert [(e.id, e.text, e.gold) for e in split.examples] == [
        ("validation-0", "a", "result"),
        ("validation-1", "b", "method"),
        ("validation-2", "c", None),
    ]
    assert split.origin == "hf://datasets/org/name@abc123/validation"
    assert list(read_dataset(task, "org/name", revision="r2", needed=["hard"]).splits) == ["hard"]
    assert on_hub[-1] == ("org/name", {"name": None, "revision": "r2"})


def test_the_hash_is_of_the_rows_that_count(on_hub: list, make_task: Callable[..., Task]) -> None:
    """The hash stays from call to call and changes with the columns that the task reads."""
    hashes = [
        read_dataset(make_task(fields=fields), "org/name", needed=["train"]).splits["train"].sha256
        for fields in ({"text": "text"}, {"text": "text"}, {"text": "text", "n": "spare"})
    ]

    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 64


def test_a_source_names_config_and_splits(on_hub: list, make_task: Callable[..., Task]) -> None:
    """The splits of a source are those it names, under its names."""
    source = {"path": "org/name", "config": "c", "revision": "r1", "splits": {"train": "train", "test": "hard"}}
    dataset = read_dataset(make_task(data={"hub": source}))

    assert on_hub == [("org/name", {"name": "c", "revision": "r1"})]
    assert list(dataset.splits) == ["train", "test"]
    wrong = make_task(data={"hub": source | {"splits": {"test": "hart"}}})
    with pytest.raises(
        DataError, match=r"^org/name@r1: the Hub data set has no split 'hart'\n  Did you mean 'hard'\?$"
    ):
        read_dataset(wrong)


def test_problems_of_hub_rows_name_the_split(on_hub: list, make_task: Callable[..., Task]) -> None:
    """Rows are checked like those of files, counted from 1, and all columns there are named."""
    task = make_task(fields={"text": "sentence"})

    with pytest.raises(
        DataError, match=r"^hf://datasets/org/name/train:1: there is no column 'sentence' \(3 rows; this is"
    ):
        read_dataset(task, "org/name")


def test_no_hub(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the Hub the error says what to do instead (the libraries' own offline switch is on)."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)

    with pytest.raises(
        DataError, match=r"^org/name@main: the Hub data set cannot be loaded: .*\n  Check the name and the"
    ):
        read_dataset(task, "org/name@main")
