from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple]
ROOT = Path(__file__).resolve().parents[2]
PLAIN = "templates/verdicts/plain.jinja"


def spoil(project: Path, old: str, new: str, file: str = PLAIN) -> None:
    """One place of a file of the project, changed."""
    path = project / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_sound_task_passes(call: Call, project: Path) -> None:
    """Nothing found is exit code 0, and says what was looked at."""
    answer = call("check", "task=verdicts")

    assert answer.code == 0
    assert answer.out.startswith("nothing to mend in 1 task, 2 templates, 33 rows (no tokenizer at hand")


def test_a_finding_is_a_line_that_editors_understand(call: Call, project: Path) -> None:
    """``file:line:column: severity CODE what``, seen from the current folder, and the fix below it."""
    spoil(project, "{{ text }}", "{{ txet }}")
    answer = call("check", "task=verdicts", "template=plain")
    first, second, *_ = answer.out.splitlines()

    assert answer.code == 1
    assert first == f"{PLAIN}:8:10: error PS101 the template uses 'txet', which task verdicts does not have"
    assert "Did you mean 'text'?" in second
    assert "1 error in 1 task, 1 template" in answer.out


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_json_is_one_object(call: Call, project: Path, words: list[str]) -> None:
    """``--json`` holds each finding by name, and the counts."""
    spoil(project, "It is\n", "It is (\n")
    answer = call("check", "task=verdicts", "--no-data", *words)

    assert answer.code == 1
    (finding,) = answer.json["findings"]
    assert (finding["code"], finding["severity"], finding["file"], finding["line"], finding["column"]) == (
        "PS109", "warning", PLAIN, 9, 1,
    )  # fmt: skip
    assert answer.json["counts"] == {"error": 0, "warning": 1, "note": 0}
    assert {"tasks", "templates", "rows", "reader", "silenced", "notes"} <= set(answer.json)


def test_github_annotations(call: Call, project: Path) -> None:
    """``--format github`` writes one workflow command a finding, its line ends and percent signs escaped."""
    spoil(project, "It is\n", "It is (\n")
    spoil(project, "{{ choice }}", "a 100 % sure {{ choice }}")
    lines = call("check", "task=verdicts", "template=plain", "--no-data", "--format", "github").out.splitlines()

    assert lines[0].startswith(f"::warning file={PLAIN},line=9,col=1,title=PS109::the input block ends in (")
    assert "%0AMove the (" in lines[0]
    assert "100 %25 sure" in lines[1]
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("change", "fail_on", "code"),
    [
        (("{{ text }}", "{{ txet }}"), "error", 1),
        (("It is\n", "It is (\n"), "error", 0),
        (("It is\n", "It is (\n"), "warning", 1),
        (("---\n{%", "choices: {good: yes, bad: nay}\n---\n{%"), "warning", 0),
        (("---\n{%", "choices: {good: yes, bad: nay}\n---\n{%"), "note", 1),
    ],
)
def test_the_exit_code_follows_the_gravest_finding(
    call: Call, project: Path, change: tuple[str, str], fail_on: str, code: int
) -> None:
    """``--fail-on`` says which severity is a failure."""
    spoil(project, *change)

    assert call("check", "task=verdicts", "template=plain", "--no-data", "--fail-on", fail_on).code == code


def test_given_data_are_looked_at(call: Call, project: Path) -> None:
    """``data=`` is read in place of what lies beside the task; ``--no-data`` reads nothing."""
    (project / "mine.csv").write_text("text,label\nsame,good\nsame,bad\n", encoding="utf-8")
    codes = [each["code"] for each in call("check", "task=verdicts", "data=mine.csv", "--json").json["findings"]]

    assert codes == ["PS402", "PS404"]
    assert call("check", "task=verdicts", "data=mine.csv", "--no-data").code == 0


def test_a_tokenizer_can_be_named(call: Call, project: Path, tiny_tokenizer_folder: Path) -> None:
    """``--tokenizer`` takes a folder or its tokenizer.json; a catalogue model that is not there is not fetched."""
    for word in (tiny_tokenizer_folder, tiny_tokenizer_folder / "tokenizer.json"):
        answer = call("check", "task=verdicts", "--tokenizer", word, "--json").json
        assert answer["reader"] == tiny_tokenizer_folder.name
    missing, unknown = call("check", "--tokenizer", "smollm2-135m"), call("check", "--tokenizer", "./nowhere")

    assert (missing.code, unknown.code) == (1, 1)
    assert "promptsci models pull smollm2-135m" in missing.err
    assert "there is no tokenizer.json at './nowhere'" in unknown.err


MODELS = ["torch", "transformers", "datasets", "evaluate", "peft", "huggingface_hub"]
TABLES = ["pyarrow", "pandas", "sklearn", "scipy", "bm25s"]


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["check"], MODELS),  # the candidates of rankings are found by bm25s, which brings the others
        (["check", "task=citation-intent"], MODELS + TABLES),
        (["show", "task=citation-intent"], MODELS + TABLES),
    ],
    ids=["check", "check-task", "show"],
)
def test_neither_check_nor_show_loads_what_is_heavy(
    words: list[str], heavy: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No torch, no transformers, no datasets and their like, with a tokenizer or without."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = f"import sys; from promptsci.cli import main; main(); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert done.stdout.splitlines()[-1] == "[]", done.stderr
