"""The catalogue as a whole: its breadth, and the table of it in the README."""

from __future__ import annotations

import re
from pathlib import Path

from promptsci.spec import KINDS, Catalog
from promptsci.spec.catalog import shipped_root

ROOT = Path(__file__).resolve().parents[2]
CATALOG = Catalog((shipped_root(),))
TASKS = [CATALOG.task(name) for name in CATALOG.task_names()]
HOMES = {"files": "bundled", "urls": "GitHub", "package": "PyPI", "path": "Hub", "yours": "yours"}


def test_the_catalogue_is_broad() -> None:
    """At least twenty tasks with a public home, over at least eight fields, and each kind more than once."""
    assert len([task for task in TASKS if "bundled" not in task.data]) >= 20
    assert len({task.domain for task in TASKS}) >= 8
    assert all(sum(task.kind == kind for task in TASKS) >= 2 for kind in set(KINDS) - {"multilabel"})


def test_the_readme_lists_the_catalogue() -> None:
    """Each task has its row: kind, field, rows of the test split where they are known, home, licence."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = {cells[0]: cells[1:] for cells in re.findall(r"^\| `([\w-]+)` \|" + r" ([^|]*?) ?\|" * 5 + "$", text, re.M)}

    assert sorted(table) == [task.name for task in TASKS]
    for task in TASKS:
        kind, field, n_rows, homes, licence = table[task.name]
        counts = [source.rows["test"] for source in task.data.values() if "test" in source.rows]
        assert (kind, field) == (task.kind, task.domain), task.name
        assert n_rows == (str(counts[0]) if counts else ""), task.name
        assert homes == ", ".join(dict.fromkeys(HOMES[source.origin] for source in task.data.values())), task.name
        assert (task.licence or "").startswith(licence), task.name
