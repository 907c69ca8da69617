"""Every shipped wording as the model reads it, byte for byte: a change of words, data or assembly is a visible diff.

``make golden`` writes tests/golden anew; the code that compares is that of ``promptsci test``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.author import left_over, outcomes_of
from promptsci.author.golden import SHOTS, golden_path
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

CATALOG = Catalog((shipped_root(),))
GOLDEN = Path(__file__).parent / "golden"
TASKS = [CATALOG.task(name) for name in CATALOG.task_names()]
WORDINGS = [(task.name, wording) for task in TASKS for wording in CATALOG.wordings(task)]


@pytest.mark.parametrize(("name", "wording"), WORDINGS, ids=["/".join(each) for each in WORDINGS])
def test_golden_prompts(name: str, wording: str) -> None:
    """The plain prompts with and without shots, and each answer behind a bar, are those under tests/golden."""
    task = CATALOG.task(name)
    template = CATALOG.template(wording, task)
    bad = [f"{each.where}: {each.state}\n{each.details}" for each in outcomes_of(task, template) if not each.is_good]

    assert bad == [], "run `make golden` and read the diff"
    assert all(golden_path(template, task, k).is_relative_to(GOLDEN) for k in SHOTS)
    assert all(golden_path(template, task, k).is_file() for k in SHOTS)


def test_no_golden_file_is_left_over() -> None:
    """Each file under tests/golden belongs to a wording that is shipped."""
    assert [outcome.where for outcome in left_over(CATALOG, TASKS)] == []
    assert {path.name for path in GOLDEN.iterdir()} == {task.name for task in TASKS}


def test_every_task_has_the_plain_wording() -> None:
    """What runs when no template is named is there for every shipped task."""
    assert [task.name for task in TASKS if (task.name, "plain") not in WORDINGS] == []
