from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.author import Outcome, left_over, outcomes_of
from promptsci.author.golden import golden_folder
from promptsci.spec import Catalog

ROW = "expect:\n  - row: {text: A proof.}\n    contains: 'Text: A proof.'\n"


def outcomes(catalog: Catalog, *, update: bool = False) -> list[Outcome]:
    """How the tests of the project's wording come out."""
    task = catalog.task("verdicts")
    return outcomes_of(task, catalog.template("plain", task), update=update)


def states(catalog: Catalog, *, update: bool = False) -> list[str]:
    """The same, their states alone."""
    return [outcome.state for outcome in outcomes(catalog, update=update)]


def edit(project: Path, old: str, new: str) -> None:
    """Replaces words of the wording."""
    path = project / "templates" / "verdicts" / "plain.jinja"
    path.write_text(path.read_text().replace(old, new))


def test_a_wording_is_recorded_and_then_compared(project: Path, catalog: Catalog) -> None:
    """Missing, written, passed; after a change of one word, changed with that very line as the diff."""
    assert states(catalog) == ["missing", "missing"]
    assert states(catalog, update=True) == ["written", "written"]
    assert states(catalog) == ["passed", "passed"]
    edit(project, "Is it good", "Is this good")
    zero = outcomes(catalog)[0]

    assert zero.state == "changed"
    assert "-Is it good or bad?\n+Is this good or bad?" in zero.details
    assert states(catalog, update=True) == ["written", "written"]
    assert states(catalog) == ["passed", "passed"]


def test_a_golden_file_is_the_prompt(project: Path, catalog: Catalog) -> None:
    """Shots, query and answers stand in the file as the model reads them."""
    outcomes(catalog, update=True)
    folder = project / "templates" / "verdicts" / "tests" / "verdicts"

    assert (folder / "plain.0shot.txt").read_text() == (
        "Is it good or bad?\n\nText: test row 0\nIt is\n| good\n| bad\n"
    )
    assert (folder / "plain.2shot.txt").read_text().count("\nText: train row ") == 2


def test_a_project_has_its_own_folder(project: Path, catalog: Catalog) -> None:
    """Where the project has tests/golden, golden files go there."""
    (project / "tests" / "golden").mkdir(parents=True)

    assert golden_folder(catalog.template("plain", catalog.task("verdicts"))) == project / "tests" / "golden"
    outcomes(catalog, update=True)
    assert (project / "tests" / "golden" / "verdicts" / "plain.0shot.txt").is_file()


def test_an_installed_package_is_not_written_to(
    project: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Golden files of a wording inside the wheel go to the current folder."""
    monkeypatch.setattr("promptsci.author.golden.INSTALLED", project)
    (project / "here").mkdir()
    monkeypatch.chdir(project / "here")
    outcomes(catalog, update=True)

    assert (project / "here" / "tests" / "golden" / "verdicts" / "plain.0shot.txt").is_file()


def test_a_wording_that_cannot_be_rendered_fails(project: Path, catalog: Catalog) -> None:
    """The error stands in the outcome with its line; nothing is written."""
    edit(project, "{{ text }}", "{{ txet }}")
    failed = outcomes(catalog, update=True)

    assert [outcome.state for outcome in failed] == ["failed", "failed"]
    assert "plain.jinja:8" in failed[0].details
    assert not golden_folder(catalog.template("plain", catalog.task("verdicts"))).exists()


def test_files_of_wordings_that_are_gone_are_found(project: Path, catalog: Catalog) -> None:
    """A golden file without its wording is left over; an update removes it."""
    outcomes(catalog, update=True)
    stray = project / "templates" / "verdicts" / "tests" / "verdicts" / "gone.0shot.txt"
    stray.write_text("x")
    tasks = [catalog.task("verdicts")]

    assert [(outcome.state, outcome.where) for outcome in left_over(catalog, tasks)] == [("left over", str(stray))]
    assert [outcome.state for outcome in left_over(catalog, tasks, update=True)] == ["removed"]
    assert not list(left_over(catalog, tasks))


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("row: {text: A proof.}\n    contains: A proof", ""),
        ("row: {text: A proof.}\n    lacks: '{{'", ""),
        ('row: {text: A proof.}\n    equals: "Is it good or bad?\\n\\nText: A proof.\\nIt is"', ""),
        ("id: test-1\n    contains: test row 1", ""),
        ("id: train-1\n    split: train\n    shots: 2\n    contains: 'row 1\\n'", "does not contain"),
        ("id: test-1\n    shots: 2\n    contains: train row", ""),
        ("row: {text: A proof.}\n    contains: a proof", "does not contain 'a proof'"),
        ("row: {text: A proof.}\n    lacks: proof", "contains 'proof'"),
        ("row: {text: A proof.}\n    equals: A proof.", "+Is it good or bad?"),
        ("row: {txet: A proof.}\n    contains: a", "'txet' is not a field of task verdicts\n  Did you mean 'text'?"),
        ("row: {}\n    contains: a", "the row has no 'text'"),
        ("id: test-99\n    contains: a", "no row of test has the id 'test-99'"),
    ],
)
def test_cases_of_the_front_matter(project: Path, catalog: Catalog, case: str, said: str) -> None:
    """A case passes when the prompt of its row says what it should, and otherwise says what is wrong, and where."""
    edit(project, "about: A plain question.\n", f"about: A plain question.\nexpect:\n  - {case}\n")
    (outcome,) = outcomes(catalog)

    assert outcome.state == ("failed" if said else "passed"), outcome.details
    assert said in outcome.details
    assert ("plain.jinja:4:5" in outcome.where) is True


def test_cases_are_enough_and_go_with_golden_files(project: Path, catalog: Catalog) -> None:
    """A wording with cases needs no golden files; once they are there, they count."""
    edit(project, "about: A plain question.\n", ROW)

    assert states(catalog) == ["passed"]
    assert states(catalog, update=True) == ["written", "written", "passed"]
    edit(project, "It is", "This is")
    assert states(catalog) == ["changed", "changed", "passed"]


def test_an_id_is_left_to_the_task_of_the_folder(project: Path, catalog: Catalog) -> None:
    """Another task that uses the same wordings has other rows: cases with an id are not its own."""
    edit(project, "about: A plain question.\n", ROW + "  - id: test-0\n    contains: row\n")
    other = project / "tasks" / "other"
    other.mkdir()
    text = (project / "tasks" / "verdicts" / "task.yaml").read_text()
    (other / "task.yaml").write_text(
        text.replace("name: verdicts", "name: other\ntemplates: verdicts").replace(": train", ": ../verdicts/train")
        .replace("test: test", "test: ../verdicts/test").replace("from: ../verdicts/train", "from: train")
    )  # fmt: skip
    task = catalog.task("other")

    assert [each.what for each in outcomes_of(task, catalog.template("plain", task))] == ["expect 1"]
    assert [each.what for each in outcomes(catalog)] == ["expect 1", "expect 2"]


def test_tasks_without_rows_have_made_up_ones(project: Path, catalog: Catalog) -> None:
    """Where the data lie elsewhere, golden files show the fields by name."""
    path = project / "tasks" / "verdicts" / "task.yaml"
    path.write_text(path.read_text().replace("files: {train: train.jsonl, test: test.jsonl}", "path: org/name"))
    outcomes(catalog, update=True)
    two = (project / "templates" / "verdicts" / "tests" / "verdicts" / "plain.2shot.txt").read_text()

    assert "Text: (text of the query)" in two
    assert two.count("(text of made-up row ") == 2
