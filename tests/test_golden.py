"""Every shipped wording as the model reads it, byte for byte: a change of words, data or assembly is a visible diff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from promptsci.data import Example, Span, read_dataset
from promptsci.prompt import Assembler, Pool, Prompt, chooser
from promptsci.spec import Catalog, Task, check_fit
from promptsci.spec.catalog import shipped_root

CATALOG = Catalog((shipped_root(),))
GOLDEN = Path(__file__).parent / "golden"
WORDINGS = [(name, wording) for name in CATALOG.task_names() for wording in CATALOG.wordings(CATALOG.task(name))]


def rows(task: Task) -> tuple[list[Example], Example]:
    """A pool of shots and a query: bundled rows, or made-up ones where a task's data lies elsewhere."""
    bundled = next((name for name, source in task.data.items() if source.files), None)
    if bundled is not None:
        dataset = read_dataset(task, bundled, needed=["train", "test"])
        return list(dataset.splits["train"].examples), dataset.splits["test"].examples[0]
    made = [
        Example(f"made-up-{i}", fields(task, f"made-up row {i}"), gold)
        for i, gold in enumerate(MADE_UP[task.form](task))
    ]
    return made, Example("query", fields(task, "the query"))


def fields(task: Task, whose: str) -> dict[str, Any]:
    """Made-up values of a task's variables."""
    made: dict[str, Any] = {name: f"({name} of {whose})" for name in task.variables}
    return made | ({"choices": [f"(option {n} of {whose})" for n in (1, 2, 3)]} if task.options else {})


MADE_UP: dict[str, Callable[[Task], Sequence[Any]]] = {
    "label": lambda task: task.labels * 2,
    "relevance": lambda task: task.labels * 2,
    "options": lambda _: ["A", "C"],
    "spans": lambda task: [(Span(1, 5, task.labels[0]), Span(9, 16, task.labels[-1])), ()],
    "references": lambda _: [("(first reference)", "(second reference)")] * 2,
    "phrases": lambda _: [("(first phrase)", "(second phrase)")] * 2,
}
"""Right answers of each form that a shipped task without bundled data has."""


def prompt(name: str, wording: str, k: int) -> Prompt:
    """The prompt of a task's first test row, behind k balanced shots."""
    task = CATALOG.task(name)
    template = CATALOG.template(wording, task)
    check_fit(template, task)
    pool, query = rows(task)
    shots = chooser(task.shots.choose, Pool(pool, task.labels), k, 0, task).shots(query)
    return Assembler(task, template).prompt(query, shots)


@pytest.mark.parametrize("k", [0, 2], ids=["0shot", "2shot"])
@pytest.mark.parametrize(("name", "wording"), WORDINGS, ids=["/".join(each) for each in WORDINGS])
def test_golden_prompts(golden: Callable[[str, str], None], name: str, wording: str, k: int) -> None:
    """The plain prompt, and each answer behind a bar: where the prompt ends and the answer's space begins."""
    made = prompt(name, wording, k)
    answers = "".join(f"| {choice}\n" for choice in made.choices or ["(written)"])

    golden(f"{name}/{wording}.{k}shot.txt", f"{made.plain()}\n{answers}")


def test_no_golden_file_is_left_over(request: pytest.FixtureRequest) -> None:
    """Each file under tests/golden belongs to a wording that is shipped."""
    wanted = {GOLDEN / name / f"{wording}.{k}shot.txt" for name, wording in WORDINGS for k in (0, 2)}
    left = set(GOLDEN.rglob("*.txt")) - wanted
    if request.config.getoption("--update-golden"):
        for path in left:
            path.unlink()

    assert set(GOLDEN.rglob("*.txt")) <= wanted


def test_every_task_has_the_plain_wording() -> None:
    """What runs when no template is named is there for every shipped task."""
    assert [name for name in CATALOG.task_names() if (name, "plain") not in WORDINGS] == []
