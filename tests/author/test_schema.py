from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from promptsci.author import SCHEMAS, json_schema
from promptsci.errors import PromptsciError
from promptsci.spec import Catalog, read_task
from promptsci.spec.catalog import shipped_root

DOCS = Path(__file__).resolve().parents[2] / "docs" / "schema"
CATALOG = Catalog((shipped_root(),))
TASKS = [CATALOG.task(name) for name in CATALOG.task_names()]
WORDINGS = sorted({path for task in TASKS for path in CATALOG.wordings(task).values()})
TASK = {"name": "t", "title": "T", "kind": "classification", "data": {"own": {"files": {"test": "t.jsonl"}}},
        "fields": {"text": "text"}, "label": {"column": "label", "values": ["a", "b"]}}  # fmt: skip


def faults(name: str, value: Any) -> list[str]:
    """What an editor would say of a document."""
    return [error.message for error in jsonschema.Draft202012Validator(json_schema(name)).iter_errors(value)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_in_docs_are_current(name: str) -> None:
    """docs/schema holds what ``promptsci schema`` prints."""
    written = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))

    assert written == json_schema(name), f"promptsci schema {name} > docs/schema/{name}.schema.json"
    jsonschema.Draft202012Validator.check_schema(written)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_shipped_tasks_are_valid(task: Any) -> None:
    """An editor that reads YAML its own way finds nothing wrong with any shipped task."""
    assert faults("task", yaml.safe_load((task.folder / "task.yaml").read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", WORDINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_shipped_front_matter_is_valid(path: Path) -> None:
    """The same for every shipped wording."""
    assert faults("template", yaml.safe_load(path.read_text(encoding="utf-8").split("\n---")[0])) == []


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "x"},
        {"kind": "clasification"},
        {"name": "My Task"},
        {"label": {"column": "label"}},
        {"data": {"own": {"files": ["a"]}}},
        {"shots": {"choose": "best"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_editor_and_program_refuse_the_same(change: dict[str, Any], tmp_path: Path) -> None:
    """Unknown keys, kinds, names and types are wrong for both; labels like yes and 1 are right for both."""
    path = tmp_path / "task.yaml"
    path.write_text(yaml.safe_dump(TASK | change))
    with pytest.raises(PromptsciError):
        read_task(path)
    assert faults("task", TASK | change)

    sound = TASK | {"label": {"column": "label", "values": [True, 1]}}
    path.write_text("\n".join([yaml.safe_dump({k: v for k, v in sound.items() if k != "label"}),
                               "label: {column: label, values: [yes, 1]}"]))  # fmt: skip
    assert read_task(path).labels == ("yes", "1")
    assert faults("task", sound) == []
