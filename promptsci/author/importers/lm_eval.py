"""Tasks of lm-evaluation-harness, read from their YAML; functions of theirs are never run.

Source: lm_eval/config/task.py and lm_eval/api/task.py of lm-evaluation-harness 0.4.13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from promptsci.author.importers.draft import CHOICES, Draft, only_column, variables
from promptsci.errors import SpecError
from promptsci.spec.task import read_text

_FUNCTION = "\0function "
OUTPUTS = ("multiple_choice", "generate_until")
READ = frozenset(
    """task task_alias tag dataset_path dataset_name dataset_kwargs training_split validation_split test_split
    fewshot_split doc_to_text doc_to_target doc_to_choice description target_delimiter fewshot_delimiter num_fewshot
    output_type metadata include should_decontaminate doc_to_decontamination_query repeats""".split()
)
LOST = {
    "metric_list": "metrics are those of the kind of task; choose others in task.yaml",
    "generation_kwargs": "put stop: and max_tokens: into the front matter",
    "filter_list": "answers are parsed by the kind of task",
    "process_docs": "it is Python; give data that is already processed as data=PATH",
    "process_results": "it is Python",
    "fewshot_config": "shots are chosen by shots: in task.yaml",
    "gen_prefix": "write it at the end of the input block",
    "use_prompt": "import the prompt itself: promptsource:DATASET",
}


class _Loader(yaml.SafeLoader):
    """YAML in which ``!function`` is a word, not a call."""


def _function(_loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return f"{_FUNCTION}{node.value}"


_Loader.add_constructor("!function", _function)


def read_lm_eval(path: Path) -> tuple[Draft, Mapping[str, Any], list[str]]:
    """The prompt of a task file, the task's settings, and what of it cannot be carried over.

    Raises:
        SpecError: the file cannot be read, or the prompt is made by Python.
    """
    config = _read(path)
    where = str(path)
    output = config.get("output_type", "generate_until")
    if output not in OUTPUTS:
        raise SpecError(f"output_type {output} has no counterpart", where=where, fix=f"Known: {', '.join(OUTPUTS)}.")
    for key in ("doc_to_text", "doc_to_target", "doc_to_choice"):
        value = config.get(key)
        if isinstance(value, str) and value.startswith(_FUNCTION):
            what = f"{key} is Python ({value.removeprefix(_FUNCTION)}), which is not run"
            raise SpecError(what, where=where, fix="Write it as Jinja in the YAML first.")
        if value is None and key != "doc_to_choice":
            raise SpecError(f"there is no {key}", where=where)
    notes = [f"{key}: not carried over: {LOST.get(key, 'it has no counterpart')}" for key in config if key not in READ]
    notes += _delimiters(config)
    instruction = str(config.get("description") or "")
    if variables(instruction):
        raise SpecError("the description depends on the row; an instruction cannot", where=where)
    if instruction and not instruction.endswith("\n\n"):
        notes.append("description: a blank line now stands behind it; the harness has none")
    choices, listed = _choices(config.get("doc_to_choice"), where) if output == "multiple_choice" else ((), "")
    draft = Draft(
        name=str(config.get("task") or path.stem),
        where=f"lm-evaluation-harness {path.name}",
        input=_jinja(config["doc_to_text"]),
        target=_jinja(config["doc_to_target"]),
        choices=choices,
        listed=listed,
        instruction=instruction.strip(),
        about=f"lm-evaluation-harness: {config.get('task') or path.stem}",
        is_numbered=True,
    )
    return draft, config, notes


def _delimiters(config: Mapping[str, Any]) -> list[str]:
    usual = {"target_delimiter": " ", "fewshot_delimiter": "\n\n"}
    changed = [key for key, value in usual.items() if config.get(key, value) != value]
    return [f"{key}: {config[key]!r} becomes {usual[key]!r}" for key in changed]


def _read(path: Path) -> dict[str, Any]:
    """The YAML with what it includes."""
    try:
        config = yaml.load(read_text(path), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise SpecError(f"this is not YAML: {str(error).splitlines()[0]}", where=str(path)) from error
    if not isinstance(config, dict):
        raise SpecError("expected 'key: value' lines", where=str(path))
    named = config.pop("include", [])
    merged: dict[str, Any] = {}
    for base in named if isinstance(named, list) else [named]:
        merged |= _read(path.parent / base)
    return merged | config


def _jinja(value: Any) -> str:
    """Jinja of a text or target: a bare word names a column, a number a choice."""
    text = str(value)
    return f"{{{{ {text} }}}}" if re.fullmatch(r"[A-Za-z_]\w*", text) else text


def _choices(value: Any, where: str) -> tuple[tuple[str, ...], str]:
    """Jinja of each choice, or of the list of them where it is one expression."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return tuple(str(each) for each in value), ""
    if value is None:
        raise SpecError("a multiple_choice task has no doc_to_choice", where=where)
    items = re.fullmatch(r"\s*\{\{\s*\[(.*)\]\s*\}\}\s*", str(value), flags=re.DOTALL)
    if items is None or not all(re.fullmatch(r"\s*(\w+|'[^']*'|\"[^\"]*\")\s*", each) for each in items[1].split(",")):
        return (), _jinja(value)
    return tuple(_choice(each.strip()) for each in items[1].split(",")), ""


def _choice(item: str) -> str:
    quoted = re.fullmatch(r"'([^']*)'|\"([^\"]*)\"", item)
    if quoted:
        return quoted[1] or quoted[2] or ""
    return item if only_column(item) else f"{{{{ {item} }}}}"


__all__ = ["CHOICES", "read_lm_eval"]
