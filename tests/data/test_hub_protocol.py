"""Hub data sets through ``datasets`` itself, from a server on loopback that speaks the hub's side; nothing is patched.

The library reads its endpoint when it is imported, so each reading is a process of its own.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from promptsci.spec import Task
from promptsci.spec.catalog import shipped_root
from tests.data.hub_server import COMMIT, serving
from tests.data.test_public_homes import HOMES, RECORDED, USUAL, Hub

READ = """
import json, sys
from promptsci.data import read_dataset
from promptsci.errors import PromptsciError
from promptsci.spec import Catalog
task, data = sys.argv[1:3]
try:
    found = read_dataset(Catalog.standard().task(task), data)
except PromptsciError as error:
    print(json.dumps({"error": error.text()}))
else:
    print(json.dumps({
        "rows": {name: [[e.id, e.gold] for e in split.examples] for name, split in found.splits.items()},
        "revision": found.revision,
    }))
"""
ON_HUB = [(task, name) for task, name in HOMES if isinstance(RECORDED[task.name, name], Hub)]


def read(endpoint: str, home: Path, task: str, data: str) -> dict[str, Any]:
    """What a process says that reads a task's data from the hub at an address, with an empty cache at home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
    env = {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    env["no_proxy"] = "127.0.0.1"
    command = [sys.executable, "-c", READ, task, data]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=shipped_root())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def files_of(task: Task, name: str) -> dict[str, bytes]:
    """The recorded rows as the files of a hub data set: a card with its configurations, and a Parquet file a split."""
    import datasets

    recorded, source = RECORDED[task.name, name], task.data[name]
    assert isinstance(recorded, Hub)
    table = datasets.Dataset.from_list(recorded.rows)
    if recorded.classes:
        table = table.cast_column("label", datasets.ClassLabel(names=list(recorded.classes)))
    written = io.BytesIO()
    table.to_parquet(written)
    splits = sorted(set(source.splits.values()) or USUAL)
    config = source.config or "default"
    card = f"---\nconfigs:\n- config_name: {config}\n  data_files:\n" + "".join(
        f"  - split: {split}\n    path: {config}/{split}-*.parquet\n" for split in splits
    )
    files = {f"{config}/{split}-00000-of-00001.parquet": written.getvalue() for split in splits}
    return {"README.md": f"{card}---\n".encode(), **files}


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), ON_HUB, ids=[f"{task.name}-{name}" for task, name in ON_HUB])
def test_a_task_loads_its_home_over_the_hubs_protocol(task: Task, name: str, tmp_path: Path) -> None:
    """Every split is there, and every recorded row has a right answer."""
    path = task.data[name].path
    assert path is not None
    with serving({path: files_of(task, name)}) as (endpoint, asked):
        found = read(endpoint, tmp_path, task.name, name)

    assert "error" not in found, found["error"]
    assert set(found["rows"]) == (set(task.data[name].split_names) or USUAL)
    assert all(gold is not None for rows in found["rows"].values() for _, gold in rows)
    assert any(request.startswith("GET /datasets/") for request in asked)


def test_a_hub_id_with_a_revision_as_data(tmp_path: Path) -> None:
    """``data=ORG/NAME@COMMIT`` reads just that commit, and says so; what else is asked is a clear error."""
    rows = [{"text": f"text {n}", "label": label} for n, label in enumerate(["Uses", "Future"])]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    files = dict.fromkeys(["train.jsonl", "validation.jsonl", "test.jsonl"], lines)
    with serving({"some-lab/citations": files}) as (endpoint, asked):
        pinned = read(endpoint, tmp_path / "a", "citation-intent", f"some-lab/citations@{COMMIT}")
        wrong = read(endpoint, tmp_path / "b", "citation-intent", "some-lab/citations@" + "0" * 40)
        absent = read(endpoint, tmp_path / "c", "citation-intent", "some-lab/nothing")

    assert set(pinned["rows"]) == {"train", "validation", "test"}
    assert [[gold for _, gold in rows] for rows in pinned["rows"].values()] == 3 * [["Uses", "Future"]]
    assert pinned["revision"] == COMMIT
    assert any(f"/resolve/{COMMIT}/test.jsonl" in request for request in asked)
    assert "cannot be loaded" in wrong["error"]
    assert "cannot be loaded" in absent["error"]
