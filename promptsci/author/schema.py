"""JSON Schemas of task.yaml and of a template's front matter, from the very records that the program checks with.

The program reads every YAML scalar as text; an editor does not, and takes ``yes`` and ``1`` for something else. So
where a record wants text, its schema takes numbers and booleans too.
"""

from __future__ import annotations

from typing import Any

from promptsci.spec import Task
from promptsci.spec.document import Record
from promptsci.spec.template import FrontMatter

SCHEMAS: dict[str, type[Record]] = {"task": Task, "template": FrontMatter}
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TITLES = {"task": "task.yaml of promptsci", "template": "front matter of a promptsci template"}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of ``task`` (task.yaml) or ``template`` (front matter)."""
    schema = _as_editors_read(SCHEMAS[name].model_json_schema(by_alias=True))
    return {"$schema": DIALECT, **schema, "title": _TITLES[name]}


def _as_editors_read(part: Any) -> Any:
    if isinstance(part, list):
        return [_as_editors_read(item) for item in part]
    if not isinstance(part, dict):
        return part
    read = {key: _as_editors_read(value) for key, value in part.items() if not _is_title(key, value)}
    if read.get("type") == "string" and not {"enum", "const", "pattern"} & set(read):
        read["type"] = ["string", "number", "boolean"]
    return read


def _is_title(key: str, value: Any) -> bool:
    """Titles that pydantic makes of names say nothing new; a property called ``title`` is a schema, not text."""
    return key == "title" and isinstance(value, str)
