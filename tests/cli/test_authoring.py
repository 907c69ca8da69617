"""``new``, ``test``, ``export``, ``import`` and ``schema`` at the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple]


@pytest.fixture
def table(project: Path) -> Path:
    """A CSV of 20 labelled rows."""
    lines = [f"The {i}th result holds up well.,{('yes', 'no')[i % 2]}" for i in range(20)]
    (project / "rows.csv").write_text("text,holds\n" + "\n".join(lines) + "\n")
    return project / "rows.csv"


@pytest.mark.usefixtures("_one_thread")
def test_new_writes_what_runs(call: Call, table: Path, tiny_lm_folder: Path) -> None:
    """Guesses with their evidence, files, and what to type next; the task runs at once, zero-shot and with shots."""
    answer = call("new", "task=mine", "--from", table, "--label", "holds", "--yes")
    run = call("run", "task=mine", f"model={tiny_lm_folder}", "--dtype", "float32", "--shots", 2, "--json")

    assert answer.code == 0, answer.err
    assert "wrote tasks/mine/task.yaml" in answer.out
    assert "promptsci run task=mine" in answer.out
    assert "as asked; 2 different values in 20 rows, each 10 times" in " ".join(answer.out.split())
    assert run.code == 0, run.err
    assert run.json["n"] == 4


def test_new_as_json(call: Call, table: Path) -> None:
    """One object with every guess, its evidence, and the files."""
    found = call("new", "task=mine", "--from", table, "--label", "holds", "--yes", "--json").json

    assert {guess["part"] for guess in found["guesses"]} == {
        "kind", "label", "labels", "words", "fields", "metrics", "splits",
    }  # fmt: skip
    assert all(guess["why"] for guess in found["guesses"])
    assert all(Path(file).is_file() for file in found["files"])


class Terminal(io.StringIO):
    """Somebody at the keyboard."""

    def isatty(self) -> bool:
        """Whether somebody can be asked."""
        return True


def test_new_asks_at_a_terminal(call: Call, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each guess is shown and asked about; Enter takes it, and what is typed stands in the files."""
    monkeypatch.setattr("sys.stdin", Terminal("holds\nDoes it hold?\nnope\nyep\naccuracy\nCC0-1.0\n"))
    answer = call("new", "task=mine", "--from", table)
    task = Path("tasks/mine/task.yaml").read_text()

    assert answer.code == 0, answer.err
    assert "Words for no [no]" in answer.out
    assert "licence: CC0-1.0" in task
    assert "metrics: [accuracy]" in task
    assert "'no': nope" in Path("templates/mine/plain.jinja").read_text()
    assert "Does it hold?" in Path("templates/mine/plain.jinja").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["new", "task=mine"], "Write promptsci new task=mine --from FILE"),
        (["new"], "give either task=NAME or template=TASK/WORDING"),
        (["new", "task=mine", "--from", "rows.csv"], "Add --yes to take the guesses."),
        (["new", "task=mine", "--from", "rows.cvs", "--yes"], "there is no such file or folder"),
        (["new", "task=verdicts", "--from", "rows.csv", "--yes"], "the file is there already"),
        (["new", "template=mine"], "does not name a task and a wording"),
        (["test", "task=verdict"], "Did you mean 'verdicts'?"),
        (["export", "task=verdicts", "split=tset"], "there is no split 'tset'"),
        (["import", "lm-evla", "x.yaml"], "Write promptsource:DATASET[/TEMPLATE], or lm-eval FILE.yaml."),
        (["import", "lm-eval", "nowhere.yaml"], "cannot read the file"),
        (["import", "promptsource:scicite", "--package", "nowhere.tar.gz"], "the package cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_answered(call: Call, table: Path, words: list[str], said: str) -> None:
    """Wrong input is exit code 1, with what to type instead, and no file is half-written."""
    answer = call(*words)

    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
    assert not Path("tasks/mine").exists()


def test_test_records_compares_and_fails(call: Call, project: Path) -> None:
    """Untested wordings fail; --update records them; a changed word fails with its line as the diff."""
    untested, recorded, same = call("test"), call("test", "--update"), call("test", "--json")
    path = project / "templates" / "verdicts" / "plain.jinja"
    path.write_text(path.read_text().replace("Is it good", "Is it so good"))
    changed = call("test", "task=verdicts", "template=plain")

    assert (untested.code, recorded.code, same.code, changed.code) == (1, 0, 0, 1)
    assert "promptsci test --update writes it" in untested.out
    assert "2 wordings: 4 written" in recorded.out
    assert same.json["counts"] == {"passed": 4}
    assert "  -Is it good or bad?\n  +Is it so good or bad?" in changed.out
    assert "templates/verdicts/tests/verdicts/plain.0shot.txt: changed" in changed.out


def test_test_without_tasks_says_what_to_do(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder there is nothing of one's own to test; shipped tasks can be named."""
    monkeypatch.chdir(tmp_path)
    answer = call("test")

    assert answer.code == 1
    assert "there are no tasks of your own here" in answer.err


def test_export_writes_and_says_what_stays(call: Call, project: Path) -> None:
    """Files, notes item by item, and the harness's command; a second time needs --force."""
    answer = call("export", "task=verdicts", "--shots", 2, "--json")
    again = call("export", "task=verdicts", "--shots", 2)

    assert answer.json["rows"] == 24
    assert any(note.startswith("decision rule:") for note in answer.json["notes"])
    assert all(Path(file).is_file() for file in answer.json["files"])
    assert again.code == 1
    assert call("export", "task=verdicts", "--shots", 2, "--force").code == 0


def test_import_of_what_was_exported_asks_the_same(call: Call, project: Path) -> None:
    """Out to the harness and in again: the imported wording renders the prompts that were exported."""
    call("export", "task=verdicts", "--out", "out")
    answer = call("import", "lm-eval", "out/promptsci_verdicts_plain.yaml", "data=out/test.jsonl", "--name", "back")
    assert answer.code == 0, answer.err
    call("test", "--update")
    (mine,) = Path("templates/back/tests/back").glob("*.0shot.txt")
    theirs = Path("templates/verdicts/tests/verdicts/plain.0shot.txt").read_text()
    first = json.loads(Path("out/test.jsonl").read_text().splitlines()[0])["text"]

    assert mine.read_text().partition("\n| ")[0].startswith("Is it good or bad?\n\nText: ")
    assert first in theirs
    assert mine.read_text().count("\nIt is\n") == theirs.count("\nIt is\n") == 1
