"""``export --to lm-eval``: a task of lm-evaluation-harness 0.4.13 with the same prompts, byte for byte.

The harness puts a prompt together as description, shots and query, each shot as ``text + " " + answer + blank line``.
Where our template, read by the harness's Jinja, gives the same bytes for every row, the template itself is exported;
where it does not, or where shots differ from row to row, whole prompts are written out. Which of the two is proved by
rendering every row both ways, so an export is equal or is refused.

Source: lm_eval/api/task.py of lm-evaluation-harness 0.4.13 (fewshot_context, build_qa_turn, doc_to_text).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promptsci.author.asked import Asked
from promptsci.author.exporters.answers import (
    ANSWERS,
    answer_columns,
    answer_config,
    answer_notes,
    check_exportable,
)
from promptsci.author.exporters.jinja_source import block_source, literal, literal_list
from promptsci.data import Example, read_dataset, stratified
from promptsci.errors import DataError
from promptsci.prompt import Assembler, Pool, Prompt, chooser
from promptsci.spec import Catalog, Task, Template, fitting_template

VERSION = "0.4.13"
GAP = "\n\n"
ID, PROMPT = "promptsci_id", "promptsci_prompt"


@dataclass(frozen=True)
class Export:
    """Files of a task for another tool.

    Attributes:
        name: what the other tool calls the task.
        files: file name -> text.
        notes: what cannot be carried over, item by item.
        n_rows: rows to score.
    """

    name: str
    files: Mapping[str, str]
    notes: tuple[str, ...]
    n_rows: int


@dataclass(frozen=True)
class _Row:
    """A row to score: the example, its shots, and the prompt that our own assembly makes of them."""

    example: Example
    shots: tuple[Example, ...]
    prompt: Prompt


def export_lm_eval(asked: Asked, catalog: Catalog) -> Export:
    """The task as lm-evaluation-harness reads it, without any code of ours.

    Raises:
        SpecError: a form of answer that the harness cannot score, or a template that does not fit.
        DataError: no labelled row, or rows that would not survive the harness's reader.
    """
    task = catalog.task(asked.task)
    template = fitting_template(asked.template, catalog, task)
    check_exportable(task, template)
    assembler = Assembler(task, template)
    rows, notes = _rows(asked, task, assembler)
    name = f"promptsci_{task.name}_{template.path.stem}".replace("-", "_").replace(".", "_")
    why = _why_written_out(rows, template, assembler)
    config, documents = _written_out(rows, assembler) if why else _by_template(rows, template, assembler)
    if why:
        notes.append(f"whole prompts stand in the data, shots included, since {why}")
    notes += [*answer_notes(task, template), *_notes(asked)]
    config |= answer_config(task, template)
    if not template.writes(task):
        config["doc_to_choice"] = _choices(documents)
    files = {f"{split}.jsonl": _lines(docs, f"{split}.jsonl") for split, docs in documents.items()}
    files = {f"{name}.yaml": _yaml(name, config, list(documents)), **files}
    return Export(name, files, tuple(notes), len(rows))


def _rows(asked: Asked, task: Task, assembler: Assembler) -> tuple[list[_Row], list[str]]:
    pool_name = asked.pool_name(task)
    dataset = read_dataset(task, asked.data, needed=[asked.split, *([pool_name] if asked.shots else [])])
    examples: Sequence[Example] = dataset.split(asked.split).examples
    if asked.limit is not None:
        examples = stratified(examples, asked.limit, asked.seed)
    labelled = [example for example in examples if example.gold is not None]
    if not labelled:
        raise DataError("none of the rows has a right answer", where=dataset.split(asked.split).origin)
    left_out = len(examples) - len(labelled)
    notes = [f"{left_out} rows without a right answer are left out"] if left_out else []
    shown = dataset.split(pool_name).examples if asked.shots else ()
    chosen = chooser(asked.rule(task), Pool(shown, task.labels), asked.shots, asked.seed, task)
    rows = []
    for example in labelled:
        shots = tuple(chosen.shots(example))
        rows.append(_Row(example, shots, assembler.prompt(example, shots)))
    return rows, notes


def _why_written_out(rows: Sequence[_Row], template: Template, assembler: Assembler) -> str | None:
    """Why the template itself cannot be exported; None when it gives the same bytes for every row."""
    if len({tuple(shot.id for shot in row.shots) for row in rows}) > 1:
        return "not all rows have the same shots"
    source = _query_source(template, assembler)
    if source is None:
        return "the input block uses what is defined above the blocks"
    try:
        query = _theirs(source)
        for row in rows:
            shown = [shot.input for shot in row.prompt.shots]
            for example, ours in zip((row.example, *row.shots), (row.prompt.query, *shown), strict=True):
                if query.render(_document(example, assembler)) != ours:
                    return f"the harness's Jinja reads the input block otherwise (row {example.id})"
    except (jinja2.TemplateError, ValueError, TypeError, LookupError) as error:
        return f"the harness's Jinja cannot render the input block: {error}"
    return None


def _theirs(source: str) -> jinja2.Template:
    """A template as the harness's own environment reads it; sandboxed, as it is somebody's template all the same."""
    env = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return env.from_string(source)


def _query_source(template: Template, assembler: Assembler) -> str | None:
    source = block_source(template, "input")
    if source is None or "choices" not in template.variables("input") or not assembler.words:
        return source
    return f"{{% set choices = {literal_list(list(assembler.words.values()))} %}}{source}"


def _document(example: Example, assembler: Assembler) -> dict[str, Any]:
    """The columns of a row: what the input block sees, and the answers."""
    return {
        **example.fields,
        **assembler.answers.row(example),
        ID: example.id,
        **answer_columns(example, assembler),
    }


def _by_template(
    rows: Sequence[_Row], template: Template, assembler: Assembler
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The harness puts the prompt together itself, from our instruction, input block and shots."""
    shots = rows[0].shots
    instruction = rows[0].prompt.instruction
    config: dict[str, Any] = {
        "description": literal(instruction + GAP) if instruction else "",
        "doc_to_text": _query_source(template, assembler),
        "num_fewshot": len(shots),
    }
    documents = {"test": [_document(row.example, assembler) for row in rows]}
    if shots:
        config |= {"fewshot_split": "shots", "fewshot_config": {"sampler": "first_n"}}
        documents["shots"] = [_document(shot, assembler) for shot in shots]
    return config, documents


def _written_out(rows: Sequence[_Row], assembler: Assembler) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The harness reads whole prompts."""
    config: dict[str, Any] = {"description": "", "doc_to_text": f"{{{{ {PROMPT} }}}}", "num_fewshot": 0}
    documents = []
    for row in rows:
        answers = answer_columns(row.example, assembler)
        documents.append({ID: row.example.id, **answers, PROMPT: row.prompt.plain()})
    return config, {"test": documents}


def _choices(documents: Mapping[str, list[dict[str, Any]]]) -> str | list[str]:
    """The answers of all rows, taken out of them where they are the same; otherwise the column that holds them."""
    every = [document for part in documents.values() for document in part]
    first: list[str] = every[0][ANSWERS]
    if any(document[ANSWERS] != first for document in every):
        return ANSWERS
    for document in every:
        del document[ANSWERS]
    return first


def _notes(asked: Asked) -> list[str]:
    notes = ["chat: prompts are plain text; do not add --apply_chat_template"]
    if asked.shots:
        notes.append("context: a prompt that is too long loses its beginning there, and whole shots here")
    return notes


def _lines(documents: Sequence[Mapping[str, Any]], file: str) -> str:
    """JSON lines.

    Raises:
        DataError: the harness's reader would change a value: Arrow makes dates of texts and floats of numbers.
    """
    import io

    from pyarrow import ArrowException
    from pyarrow import json as arrow_json

    text = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    fix = "Make each column one type of value; write dates in words."
    try:
        found = arrow_json.read_json(io.BytesIO(text.encode())).to_pylist()
    except ArrowException as error:
        what = f"the harness could not read the rows: {str(error).splitlines()[0]}"
        raise DataError(what, where=file, fix=fix) from error
    for number, (ours, theirs) in enumerate(zip(documents, found, strict=True), 1):
        for column, value in ours.items():
            if value != theirs[column] or type(value) is not type(theirs[column]):
                what = f"column '{column}': the harness would read {value!r} as {theirs[column]!r}"
                raise DataError(what, where=f"{file}:{number}", fix=fix)
    return text


def _yaml(name: str, config: Mapping[str, Any], splits: Sequence[str]) -> str:
    spec = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {split: f"{split}.jsonl" for split in splits}},
        "test_split": "test",
        **config,
        "target_delimiter": " ",
        "fewshot_delimiter": GAP,
        "metadata": {"version": 1.0},
    }
    head = f"# Written by promptsci for lm-evaluation-harness {VERSION}. Paths are relative: run it in this folder.\n"
    return head + yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand, where YAML can."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text.strip() else None)


_Dumper.add_representer(str, _text)
