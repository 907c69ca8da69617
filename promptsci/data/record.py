"""JSON records that follow the task's JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptsci.data.findings import Findings, short
from promptsci.errors import SpecError
from promptsci.spec.forms import JsonRecord

Row = Mapping[str, Any]


def read_schema(section: JsonRecord, folder: Path) -> dict[str, Any]:
    """The JSON Schema that the records of a task follow.

    Raises:
        SpecError: the file is not there, is not JSON, or is no JSON Schema.
    """
    import jsonschema

    path = folder / section.schema_file
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
    except OSError as error:
        raise SpecError(f"cannot read the JSON Schema: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise SpecError(f"the JSON Schema is not JSON: {error}", where=str(path)) from error
    except jsonschema.SchemaError as error:
        raise SpecError(f"this is no JSON Schema: {error.message}", where=str(path)) from error
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise SpecError("the JSON Schema does not describe an object", where=str(path), fix='Write "type": "object".')
    return schema


def schema_fault(record: Any, schema: Mapping[str, Any]) -> str | None:
    """Why a value does not follow a schema, or None when it does."""
    import jsonschema

    fault = next(jsonschema.Draft202012Validator(schema).iter_errors(record), None)
    if fault is None:
        return None
    place = ".".join(str(part) for part in fault.absolute_path)
    return f"{place}: {fault.message}" if place else str(fault.message)


class RecordReader:
    """A column of JSON objects, or of texts that hold one each."""

    def __init__(self, section: JsonRecord, folder: Path, findings: Findings) -> None:
        self.columns = (section.column,)
        self.schema = read_schema(section, folder)
        self.findings = findings

    def fields(self, row: Row, line: int) -> dict[str, Any]:  # noqa: ARG002 - the protocol's shape
        """Nothing: the text is a field."""
        return {}

    def gold(self, row: Row, fields: Mapping[str, Any], line: int) -> dict[str, Any] | None:  # noqa: ARG002
        """The record."""
        value = row.get(self.columns[0])
        if value is None or value == "":
            return None
        try:
            record = json.loads(value) if isinstance(value, str) else value
            fault = schema_fault(record, self.schema)
        except ValueError as error:
            fault = f"it is not JSON: {error}"
        if fault is not None:
            self.findings.add(f"the record does not follow the JSON Schema: {short(fault)}", line)
            return None
        assert isinstance(record, dict)
        return record

    def known(self, row: Row) -> dict[str, Any]:  # noqa: ARG002 - the protocol's shape
        """Nothing."""
        return {}

    def labels(self, gold: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's shape
        """Nothing."""
        return ()
