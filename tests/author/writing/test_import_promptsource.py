"""Imported prompts beside promptsource's own rendering of them.

The oracle is promptsource 0.2.3 itself, which needs no install: PROMPTSCI_PROMPTSOURCE names its unpacked source.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from promptsci.author.importers import Known, import_drafts, read_promptsource
from promptsci.author.table import read_table
from promptsci.data import read_dataset
from promptsci.errors import SpecError
from promptsci.prompt import Assembler
from promptsci.spec import Catalog, check_fit

SIDE = Path(__file__).with_name("promptsource_side.py")
ROWS: dict[str, list[dict]] = {
    "scicite": [
        {"string": f"We follow [{i}] | and | others.", "sectionName": "Methods" if i else "  ", "label": i % 3}
        for i in range(3)
    ],
    "scitail/snli_format": [
        {"sentence1": "Iron rusts.", "sentence2": "Metals corrode.", "gold_label": gold}
        for gold in ("entailment", "neutral")
    ],
    "scitail/tsv_format": [
        {"premise": "Iron rusts.", "hypothesis": "Metals corrode.", "label": gold} for gold in ("entails", "neutral")
    ],
    "pubmed_qa/pqa_labeled": [
        {
            "question": f"Does drug {gold} work?",
            "context": {"contexts": ["We gave it.", "They slept."], "labels": ["A", "B"], "meshes": ["Sleep", "Rats"]},
            "long_answer": f"It is {gold}.",
            "final_decision": gold,
        }
        for gold in ("yes", "no", "maybe")
    ],
    "sciq": [
        {"question": f"What is {i}?", "distractor1": "salt", "distractor2": "ice", "distractor3": "ash",
         "correct_answer": f"rust {i}", "support": "Iron\n\nrusts."}
        for i in range(2)
    ],
}  # fmt: skip
SMALL = {
    "Yes or no": ("{{ text }} Is it?\n|||\n{{ answer_choices[label] }}", "no ||| yes"),
    "If": (
        "{% if text %}\nA: {{ text }}{% endif %}\nB ||| {% if label == 1 %}yes{% else %}no{% endif %}",
        "no ||| yes",
    ),
    "Random": ("{{ [1, 2] | random }} ||| {{ answer_choices[label] }}", "no ||| yes"),
    "Leaky": ("{{ text }} {{ label }} ||| {{ answer_choices[label] }}", "no ||| yes"),
    "Two bars": ("{{ text }} ||| a ||| b", None),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder like promptsource's, with one small data set."""
    folder = tmp_path / "templates" / "small"
    folder.mkdir(parents=True)
    entries = [
        f"  {number}: !Template\n    name: {json.dumps(name)}\n    jinja: {json.dumps(jinja)}\n"
        f"    answer_choices: {json.dumps(choices)}\n    metadata: !TemplateMetadata {{metrics: []}}\n"
        for number, (name, (jinja, choices)) in enumerate(SMALL.items())
    ]
    (folder / "templates.yaml").write_text("dataset: small\ntemplates:\n" + "".join(entries))
    return tmp_path


def imported(dataset: str, package: Path, root: Path, rows: list[dict]) -> tuple[dict, list[str]]:
    """Prompt's name -> [prompt, answer] of each row, as our own assembly makes them; and the notes."""
    data = root / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    drafts, lost = read_promptsource(dataset, package)
    known = Known("it", "It", {"files": {"test": str(data)}}, read_table(data), root=root)
    found = import_drafts(drafts, known)
    for path, text in found.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    catalog = Catalog((root,))
    rendered = {}
    for wording in found.wordings:
        task = catalog.task(wording.partition("/")[0])
        template = catalog.template(wording, task)
        check_fit(template, task)
        assembler = Assembler(task, template)
        name = yaml.safe_load(template.path.read_text().split("---")[1])["about"].partition(": ")[2]
        examples = read_dataset(task, needed=["test"]).split("test").examples
        rendered[name] = [[assembler.prompt(each).plain(), assembler.target(each)] for each in examples]
    return rendered, [*lost, *found.notes]


@pytest.mark.slow
def test_most_scientific_prompts_render_as_promptsource_renders_them(tmp_path: Path) -> None:
    """Of scicite, scitail, pubmed_qa and sciq at least 80 % come over, each byte for byte as promptsource has it."""
    source = os.environ.get("PROMPTSCI_PROMPTSOURCE")
    if not source:
        pytest.skip("needs promptsource 0.2.3: set PROMPTSCI_PROMPTSOURCE to its unpacked source")
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", SIDE, tmp_path / "rows.json"],
        env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    n_all = n_same = 0
    for dataset, rows in ROWS.items():
        root = tmp_path / dataset.replace("/", "-")
        root.mkdir()
        ours, _ = imported(dataset, Path(source), root, rows)
        n_all += len(theirs[dataset])
        for name, made in ours.items():
            original = next(each for each in theirs[dataset] if name == each or name.startswith(f"{each} ("))
            assert made == theirs[dataset][original], name
            n_same += 1

    assert n_all == 24
    assert n_same >= 0.8 * n_all


SMALL_ROWS = [{"text": "Iron.", "label": 0}, {"text": "Rust.", "label": 1}]


def test_prompts_keep_every_byte(package: Path, tmp_path: Path) -> None:
    """Statements at line ends keep the line breaks that our own templates would trim, and answers go by the label."""
    made, _ = imported("small", package, tmp_path, SMALL_ROWS)

    assert made["Yes or no"] == [["Iron. Is it?", "no"], ["Rust. Is it?", "yes"]]
    assert made["If"] == [["A: Iron.\nB", "no"], ["A: Rust.\nB", "yes"]]


def test_what_cannot_be_carried_over_is_said(package: Path, tmp_path: Path) -> None:
    """Prompts that are random, that show their own answer or have no one boundary are named with the reason."""
    made, notes = imported("small", package, tmp_path, SMALL_ROWS)

    assert set(made) == {"Yes or no", "If"}
    assert any("Random: not carried over" in note and "'random'" in note for note in notes)
    assert any("Leaky: not carried over" in note and "the answer's own column 'label'" in note for note in notes)
    assert any("Two bars: not carried over" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "said"),
    [("smal", "Did you mean 'small'"), ("small/Randon", "has no prompt 'Randon'\n  Did you mean 'Random'")],
)
def test_unknown_names_are_answered(package: Path, name: str, said: str) -> None:
    """The nearest data set, or prompt, is named."""
    with pytest.raises(SpecError) as caught:
        read_promptsource(name, package)

    assert said in caught.value.text()


def test_labels_that_no_prompt_tells_are_asked_for(package: Path) -> None:
    """Without rows, the labels behind an ``else`` are not known; named, they are used."""
    drafts, _ = read_promptsource("small/If", package)
    source = {"files": {"test": "test.jsonl"}}
    lost = import_drafts(drafts, Known("it", "It", source))
    kept = import_drafts(drafts, Known("it", "It", source, labels=("0", "1")))

    assert lost.wordings == []
    assert "Give them as --labels a,b" in lost.notes[0]
    assert kept.wordings == ["it/if"]


def test_names_of_numbers_are_read_from_the_data(package: Path, tmp_path: Path) -> None:
    """Labels named in the order of their numbers stand in task.yaml, and the data's numbers are read as them."""
    drafts, _ = read_promptsource("small/Yes or no", package)
    source = {"files": {"test": "test.jsonl"}}
    found = import_drafts(drafts, Known("it", "It", source, labels=("bad", "good"), root=tmp_path))
    task = yaml.safe_load(found.files[tmp_path / "tasks" / "it" / "task.yaml"])

    assert task["label"] == {"column": "label", "values": ["bad", "good"], "read": {"0": "bad", "1": "good"}}


def test_rows_keep_choices_that_differ_from_row_to_row(tmp_path: Path, package: Path) -> None:
    """Choices made of columns are written out beside the right one, and are scored."""
    path = package / "templates" / "small" / "templates.yaml"
    jinja, choices = "Q: {{ q }} ||| {{ answer_choices[1] }}", "{{ wrong }} ||| {{ right }}"
    path.write_text(
        f"templates:\n  1: !Template\n    name: Pick\n    jinja: {jinja!r}\n    answer_choices: {choices!r}\n"
    )
    made, notes = imported("small", package, tmp_path, [{"q": "2+2?", "wrong": "5", "right": "4"}])

    assert made == {"Pick": [["Q: 2+2?", "4"]]}
    assert notes == []


def test_an_archive_is_read_without_unpacking_it(package: Path, tmp_path: Path) -> None:
    """The package's ``.tar.gz`` as pip downloads it is enough."""
    import tarfile

    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as archive:
        archive.add(package / "templates", "promptsource-0.2.3/promptsource/templates")
    drafts, _ = read_promptsource("small/If", tmp_path / "p.tar.gz")

    assert [draft.name for draft in drafts] == ["If"]


def rewrite(package: Path, prompts: dict[str, tuple[str, str]]) -> None:
    """Puts other prompts into the small data set."""
    entries = [
        f"  {number}: !Template\n    name: {name}\n    jinja: {json.dumps(jinja)}\n    answer_choices: {choices!r}\n"
        for number, (name, (jinja, choices)) in enumerate(prompts.items())
    ]
    (package / "templates" / "small" / "templates.yaml").write_text("templates:\n" + "".join(entries))


def test_answers_that_are_computed_otherwise_are_tasks_of_their_own(package: Path, tmp_path: Path) -> None:
    """Two prompts whose answers are computed in two ways become two tasks, each with its own rows."""
    rewrite(package, {"Joined": ("{{ a }} ||| {{ a }}-{{ b }}", ""), "Turned": ("{{ b }} ||| {{ b }}-{{ a }}", "")})
    made, _ = imported("small", package, tmp_path, [{"a": "x", "b": "y"}])

    assert made == {"Joined": [["x", "x-y"]], "Turned": [["y", "y-x"]]}
    assert {path.name for path in (tmp_path / "tasks").iterdir()} == {"it-right-answer", "it-right-answer-2"}


@pytest.mark.parametrize(
    ("row", "jinja", "said"),
    [
        ({"choices": "x", "b": "y"}, "{{ choices }} ||| {{ b }}", "'choices' cannot be a template variable"),
        ({"a": "x", "right_answer": "y"}, "{{ a }} ||| {{ a }}{{ right_answer }}", "a column 'right_answer' already"),
        ({"a": "x", "b": "y"}, "{{ a }} ||| {{ b.c.d }}", "it cannot be rendered"),
    ],
)
def test_tasks_that_could_not_be_read_are_not_written(
    package: Path, tmp_path: Path, row: dict, jinja: str, said: str
) -> None:
    """A column that no template can show, a name that is taken, an answer that fails: a note, and no file."""
    rewrite(package, {"Odd": (jinja, "")})
    made, notes = imported("small", package, tmp_path, [row])

    assert made == {}
    assert any("Odd: not carried over" in note and said in note for note in notes), notes
    assert not (tmp_path / "tasks").exists()
