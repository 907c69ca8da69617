"""The tasks that are shipped, and the real data behind them where a test may have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.data import Overlap, integrity, read_dataset, seen_ids
from promptsci.spec import Task, read_task

TASKS = Path(__file__).resolve().parents[2] / "tasks"
COMMIT = "06793f77d7278898159ed50da30d173cdc8fdea9"


@pytest.fixture(scope="module")
def acl_arc() -> Task:
    """The task acl-arc."""
    return read_task(TASKS / "acl-arc" / "task.yaml")


@pytest.mark.parametrize("name", ["acl-arc", "scicite"])
def test_fetched_data_is_pinned(name: str) -> None:
    """Every file behind an address names the commit, its size and its hash."""
    source = read_task(TASKS / name / "task.yaml").data["scibert"]
    files = source.urls or {}

    assert list(files) == ["train", "validation", "test"]
    assert source.revision == COMMIT
    assert all(f"/{COMMIT}/" in file.url and file.bytes and file.sha256 for file in files.values())
    assert len({file.sha256 for file in files.values()}) == 3


@pytest.mark.data
def test_real_acl_arc(acl_arc: Task, real_data: Path) -> None:
    """The counts, repeats and leaks of ACL-ARC are those that its README states."""
    found = integrity(read_dataset(acl_arc, str(real_data / "citation_intent")), acl_arc.labels)

    assert {name: (s.rows, s.duplicates, s.blank, s.unlabelled) for name, s in found.splits.items()} == {
        "train": (1688, 418, 0, 0),
        "validation": (114, 2, 0, 0),
        "test": (139, 4, 0, 0),
    }
    assert list(found.splits["test"].labels.values()) == [71, 7, 26, 5, 25, 5]
    assert list(found.splits["train"].labels.values()) == [867, 76, 317, 63, 305, 60]
    assert found.overlaps == (
        Overlap("validation", "train", rows=43, other_label=1, disagreeing=3),
        Overlap("test", "train", rows=52, other_label=5, disagreeing=6),
        Overlap("test", "validation", rows=9, other_label=1, disagreeing=1),
    )


@pytest.mark.data
def test_real_acl_arc_without_the_leak(acl_arc: Task, real_data: Path) -> None:
    """The cleaned training rows hold no test text; the published ones hold 52."""
    folder = str(real_data / "citation_intent")
    dataset = read_dataset(acl_arc, folder, needed=["train", "train_clean", "test"])

    assert len(dataset.splits["train_clean"].examples) == 1520
    assert len(seen_ids(dataset, "test")) == 52
    assert seen_ids(dataset, "test", among="train_clean") == frozenset()


@pytest.mark.network
@pytest.mark.parametrize(("name", "rows"), [("acl-arc", [1688, 114, 139]), ("scicite", None)])
def test_the_addresses_still_hold(name: str, rows: list[int] | None) -> None:
    """What stands at the pinned addresses has the pinned hashes and can be read."""
    dataset = read_dataset(read_task(TASKS / name / "task.yaml"))
    found = [len(split.examples) for split in dataset.splits.values()]

    assert rows is None or found == rows
