from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.errors import Problems, SpecError
from promptsci.spec import Catalog, Task, read_task
from promptsci.spec.task import read_text

SOUND = """name: tiny
title: Tiny
kind: classification
data:
  bundled:
    files: {test: test.jsonl}
fields: {text: text}
label: {column: label, values: [yes, no]}
"""


def put(folder: Path, text: str | bytes) -> Path:
    """A task.yaml with this text."""
    path = folder / "task.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_labels_are_words(tmp_path: Path) -> None:
    """The words yes and no are labels, not booleans; the task knows the folder it stands in."""
    task = read_task(put(tmp_path, SOUND))

    assert (task.labels, task.folder, task.shots.from_, task.shots.choose) == (
        ("yes", "no"),
        tmp_path,
        "train",
        "balanced",
    )


@pytest.mark.parametrize(
    "change", [lambda s: "\ufeff" + s, lambda s: s.replace("\n", "\r\n"), lambda s: s.replace("\n", "\r")]
)
def test_marks_and_line_ends_of_other_systems_change_nothing(tmp_path: Path, change: object) -> None:
    """A byte order mark, CRLF and CR read as plain LF text."""
    assert read_task(put(tmp_path, change(SOUND))) == read_task(put(tmp_path, SOUND))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: classification", "kind: clasification",
         r"3:1: kind: 'clasification' is not known\n  Did you mean 'classification'\?"),
        ("name: tiny", "name: My Task", r":1:1: name: 'My Task' is not a name: names are made of lower-case letters"),
        ("[yes, no]", "[yes]", r"label: give at least two label values"),
        ("[yes, no]", "[yes, yes]", r"label: a label value stands twice"),
        ("[yes, no]", "yes", r"label.values: expected a list"),
        ("[yes, no]}", "[yes, no], read: {y: yep}}", r"read maps to yep, which is not among the values"),
        ("files: {test: test.jsonl}", "about: x", r":5:3: data.bundled: give exactly one of files"),
        ("title: Tiny", "title:", r":2:1: title: the text is empty"),
        ("title: Tiny", "titel: Tiny", r"unknown key 'titel'\n  Did you mean 'title'\?"),
        ("title: Tiny", "title: T\nfolder: x", r":3:1: unknown key 'folder'"),
        ("title: Tiny", "title: T\nshots: {choose: similiar}",
         r"shots.choose: 'similiar' is not known\n  Did you mean 'similar'\?"),
        ("title: Tiny", "title: T\nshots: {from_: dev}", r"unknown key 'shots.from_'\n  Did you mean 'from'\?"),
        ("title: Tiny", "title: T\nmetrics: []", r"metrics: give at least one metric"),
        ("fields: {text: text}", "fields: {loop: text}", r"fields: 'loop' cannot be a template variable"),
        ("fields: {text: text}", "fields: {a-b: text}", r"fields: 'a-b' cannot be a template variable"),
        ("files: {test: test.jsonl}", "urls: {test: {url: u, sha256: abc}}", r"sha256: 'abc' is not a SHA-256"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each mistake in a task is named, with what to write instead where that is known."""
    assert old in SOUND
    with pytest.raises((SpecError, Problems), match=message):
        read_task(put(tmp_path, SOUND.replace(old, new)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "task.yaml: cannot read the file: No such file"),
        (b"name: a\ntitle: \xff\n", "task.yaml:2: the file is not UTF-8"),
        (b"x: y\n" * 2_000_000, "the file is larger than 200 kB"),
    ],
)
def test_files_that_are_no_text_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A missing file, another encoding, and ten megabytes are named errors."""
    path = tmp_path / "task.yaml"
    if content is not None:
        put(tmp_path, content)
    with pytest.raises(SpecError, match=message):
        read_text(path)


def test_an_endless_file_is_refused() -> None:
    """A device that never ends is not read to its end."""
    with pytest.raises(SpecError, match="larger than 200 kB"):
        read_text(Path("/dev/zero"))


def test_the_record_describes_itself_as_json_schema() -> None:
    """Editors can check a task by its schema: it knows the keys of every shipped task, by the names that YAML uses."""
    schema = Task.model_json_schema()
    records = [schema, *schema["$defs"].values()]
    catalog = Catalog.standard()
    keys = {key for name in catalog.task_names() for key in catalog.task(name).model_dump(by_alias=True)}

    assert all(record["additionalProperties"] is False for record in records)
    assert keys == set(schema["properties"])
    assert "from" in schema["$defs"]["ShotPolicy"]["properties"]
