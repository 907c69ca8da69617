from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.author.importers import Known, import_drafts, read_lm_eval
from promptsci.author.table import read_table
from promptsci.data import read_dataset
from promptsci.errors import SpecError
from promptsci.prompt import Assembler
from promptsci.spec import Catalog, check_fit, read_task

TASK = """task: rte
dataset_path: nyu-mll/glue
dataset_name: rte
output_type: multiple_choice
training_split: train
test_split: validation
doc_to_text: "{{sentence1}}\\nQuestion: {{sentence2}} True or False?\\nAnswer:"
doc_to_target: label
doc_to_choice: ["True", "False"]
metric_list: [{metric: acc}]
"""
ROWS = [{"sentence1": "Iron rusts.", "sentence2": f"Iron is {i}.", "label": i % 2} for i in range(2)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a task file of the harness."""

    def put(text: str, name: str = "it.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return put


def rendered(path: Path, root: Path, rows: list[dict]) -> list[list[str]]:
    """[prompt, answer] of each row, as our own assembly makes them of the imported task."""
    data = root / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    draft, _, _ = read_lm_eval(path)
    found = import_drafts([draft], Known("it", "It", {"files": {"test": str(data)}}, read_table(data), root=root))
    assert found.wordings, found.notes
    for file, text in found.files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    catalog = Catalog((root,))
    task = catalog.task("it")
    template = catalog.template(found.wordings[0].partition("/")[2], task)
    check_fit(template, task)
    assembler = Assembler(task, template)
    examples = read_dataset(task, needed=["test"]).split("test").examples
    return [[assembler.prompt(each).plain(), assembler.target(each)] for each in examples]


def test_a_task_with_fixed_choices(write: Callable[[str], Path], tmp_path: Path) -> None:
    """Text, choices and the number of the right one become a wording, its words and the label."""
    assert rendered(write(TASK), tmp_path, ROWS) == [
        ["Iron rusts.\nQuestion: Iron is 0. True or False?\nAnswer:", "True"],
        ["Iron rusts.\nQuestion: Iron is 1. True or False?\nAnswer:", "False"],
    ]


def test_a_description_becomes_the_instruction(write: Callable[[str], Path], tmp_path: Path) -> None:
    """It stands before the query, and a changed gap behind it is said."""
    path = write(TASK + "description: Is it so?\n")

    assert rendered(path, tmp_path, ROWS[:1] * 2)[0][0].startswith("Is it so?\n\nIron rusts.")
    assert any("a blank line now stands behind it" in note for note in read_lm_eval(path)[2])


def test_choices_of_the_row(write: Callable[[str], Path], tmp_path: Path) -> None:
    """A list of columns, the last always right, becomes options that are written out and scored."""
    text = """task: it
output_type: multiple_choice
doc_to_text: "Q: {{q}}\\nA:"
doc_to_target: 1
doc_to_choice: "{{[wrong, right]}}"
"""
    assert rendered(write(text), tmp_path, [{"q": "2+2?", "wrong": "5", "right": "4"}]) == [["Q: 2+2?\nA:", "4"]]


@pytest.mark.parametrize("listed", ["options", "{{options}}", "{{ [right, options[0]] }}"])
@pytest.mark.parametrize("target", ["right", "{{ options.index(right) }}"])
def test_choices_that_are_a_list_of_the_row(
    write: Callable[[str], Path], tmp_path: Path, listed: str, target: str
) -> None:
    """A column with a list, or an expression that makes one, is written out with the rows, which are asked for."""
    text = f"""task: it
output_type: multiple_choice
doc_to_text: "Q: {{{{q}}}}\\nA:"
doc_to_target: "{target}"
doc_to_choice: "{listed}"
"""
    if listed.startswith("{{ [right") and target != "right":
        text = text.replace("options.index(right)", "0")
    path = write(text)
    rows = [{"q": "2+2?", "options": ["5", "4"], "right": "4"}]
    lost = import_drafts([read_lm_eval(path)[0]], Known("it", "It", {"path": "a/b"}))

    assert rendered(path, tmp_path, rows) == [["Q: 2+2?\nA:", "4"]]
    assert "Give the rows as data=PATH" in lost.notes[0]


def test_free_text(write: Callable[[str], Path], tmp_path: Path) -> None:
    """A generate_until task becomes generation against its target's column."""
    text = 'task: it\noutput_type: generate_until\ndoc_to_text: "Shorten: {{text}}"\ndoc_to_target: "{{summary}}"\n'

    assert rendered(write(text), tmp_path, [{"text": "Long.", "summary": "Short."}]) == [["Shorten: Long.", "Short."]]


def test_includes_are_followed(write: Callable[[str], Path], tmp_path: Path) -> None:
    """What a file includes stands below its own keys."""
    write(TASK, "base.yaml")
    write('doc_to_choice: ["yes", "no"]\n', "words.yaml")
    one = write('include: base.yaml\ntask: mine\ndoc_to_choice: ["yea", "nay"]\n')
    two = write("include: [base.yaml, words.yaml]\ntask: mine\n", "two.yaml")

    assert [answer for _, answer in rendered(one, tmp_path, ROWS)] == ["yea", "nay"]
    assert [answer for _, answer in rendered(two, tmp_path, ROWS)] == ["yes", "no"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("doc_to_text: !function utils.text\n", "doc_to_text is Python (utils.text), which is not run"),
        ("output_type: loglikelihood_rolling\n", "output_type loglikelihood_rolling has no counterpart"),
        ('description: "About {{sentence1}}"\n', "the description depends on the row"),
        ("doc_to_choice:\n", "has no doc_to_choice"),
    ],
)
def test_what_cannot_be_meant_is_refused(write: Callable[[str], Path], changed: str, said: str) -> None:
    """Python, other kinds of output and computed lists are errors that name the key."""
    key = changed.partition(":")[0]
    kept = [line for line in TASK.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    with pytest.raises(SpecError) as caught:
        read_lm_eval(write("".join(kept) + changed))

    assert said in caught.value.text()


def test_what_is_lost_is_listed(write: Callable[[str], Path]) -> None:
    """Every key without a counterpart is named."""
    path = write(TASK + "process_docs: !function utils.docs\nfewshot_delimiter: '###'\nnew_key: 1\n")
    notes = "\n".join(read_lm_eval(path)[2])

    assert all(key in notes for key in ("metric_list:", "process_docs:", "fewshot_delimiter:", "new_key:"))


def test_without_rows_labels_are_words_or_their_places(write: Callable[[str], Path], tmp_path: Path) -> None:
    """The harness takes both in one column; so does the imported task."""
    draft, _, _ = read_lm_eval(write(TASK))
    found = import_drafts([draft], Known("it", "It", {"path": "nyu-mll/glue"}, root=tmp_path))
    text = found.files[tmp_path / "tasks" / "it" / "task.yaml"]
    (tmp_path / "task.yaml").write_text(text)
    task = read_task(tmp_path / "task.yaml")

    assert task.label is not None
    assert task.label.values == ["True", "False"]
    assert task.label.read == {"0": "True", "1": "False"}
