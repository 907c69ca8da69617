from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.cli.main import VERBS
from promptsci.errors import SpecError

Call = Callable[..., tuple]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes find the package, installed or not."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rnu"], 2, "there is no verb 'rnu'. Did you mean 'run'?"),
        (["tasks", "shwo"], 2, "Did you mean 'show'?"),
        (["models", "pul"], 2, "Did you mean 'pull'?"),
        (["run", "--shotz", "3"], 2, "--shots"),
        (["run", "task=verdicts", "--shots", "many"], 2, "'many' is not a valid integer"),
        (["run", "task=verdicts", "--limit", "0"], 2, "0 is not in the range"),
        (["run"], 1, "'task=' is missing"),
        (["run", "verdicts"], 1, "Write task=verdicts"),
        (["run", "tsak=verdicts"], 1, "unknown noun 'tsak'\n  Did you mean 'task'?"),
        (["run", "shots=8"], 1, "unknown noun 'shots'\n  Write --shots 8."),
        (["run", "task=verdicts", "task=verdicts"], 1, "'task' is given twice"),
        (["run", "task="], 1, "'task=' has no value"),
        (["run", "task=verdict"], 1, "there is no task 'verdict'\n  Did you mean 'verdicts'?"),
        (["run", "task=verdicts", "template=plian"], 1, "has no template 'plian'\n  Did you mean 'plain'?"),
        (["run", "task=verdicts", "model=smollm-135m"], 1, "Did you mean 'smollm2-135m'?"),
        (["run", "task=verdicts", "data=onw"], 1, "has no data 'onw'\n  Did you mean 'own'?"),
        (["run", "task=verdicts", "split=tset"], 1, "there is no split 'tset'\n  Did you mean 'test'?"),
        (["run", "task=verdicts", "--rule", "batsch"], 1, "no decision rule 'batsch'\n  Did you mean 'batch'?"),
        (["run", "task=verdicts", "--choose", "simlar"], 1, "'simlar'\n  Did you mean 'similar'?"),
        (["run", "task=verdicts", "--seeds", "0,x"], 1, "Write --seeds 0,1,2."),
        (["tasks", "show", "verdict"], 1, "Did you mean 'verdicts'?"),
        (["templates", "task=verdict"], 1, "Did you mean 'verdicts'?"),
        (["models", "pull", "smollm-135m"], 1, "Did you mean 'smollm2-135m'?"),
        (["reproduce", "nothing"], 1, "there is no run 'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_answered(call: Call, project: Path, words: list[str], code: int, said: str) -> None:
    """Wrong usage is 2 and wrong input 1, each with what to type instead, and nothing on stdout."""
    answer = call(
        *words, *([f"model={project}"] if words[0] == "run" and not any("model" in word for word in words) else [])
    )

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_all_problems_are_told_at_once(call: Call, project: Path) -> None:
    """Template, rule, split and model are all wrong: one call says all of it."""
    answer = call("run", "task=verdicts", "template=plian", "split=tset", "model=smollm", "--rule", "men")

    assert all(said in answer.err for said in ("'plian'", "'tset'", "'smollm'", "'men'"))


def test_help_names_every_verb(call: Call) -> None:
    """``--help`` exits with 0 and lists the verbs."""
    answer = call("--help")

    assert answer.code == 0
    assert all(verb in answer.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example_and_the_shared_options(call: Call, verb: str) -> None:
    """Each verb's help shows commands to copy, a line each, and ``--json`` and ``--debug`` mean the same everywhere."""
    answer = call(verb, "--help")

    assert any(line.startswith(f"  promptsci {verb}") for line in answer.out.splitlines())
    assert "\\b" not in answer.out
    assert all(part in answer.out for part in ("--json", "--debug"))


def test_a_traceback_is_for_debug_alone(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error is a sentence; with ``--debug`` it is a traceback, and the exit code is the same."""
    plain, debug = call("run"), call("run", "--debug")

    assert "Traceback" not in plain.err
    assert f"{SpecError.__module__}.PromptsciError" in debug.err
    assert "Traceback" in debug.err
    assert plain.code == debug.code == 1


@pytest.mark.usefixtures("_found")
def test_a_fault_of_the_program_is_one_line(tmp_path: Path) -> None:
    """What nobody foresaw is reported as the program's fault, without a traceback, with exit code 1."""
    code = "import promptsci.runs as r, sys; from promptsci.cli import main; r.list_runs = None; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "runs"], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("This is a fault of promptsci: TypeError")
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("_found")
@pytest.mark.parametrize("words", [["tasks"], ["tasks", "--json"]], ids=" ".join)
def test_a_reader_who_leaves_is_no_error(words: list[str], tmp_path: Path) -> None:
    """``promptsci tasks | head`` prints no traceback and is no failure."""
    command = [sys.executable, "-m", "promptsci", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        process.stdout.close()
        complaint = process.stderr.read()

    assert (process.returncode, complaint) == (0, b"")


@pytest.mark.usefixtures("_found")
@pytest.mark.parametrize(
    "words",
    [
        ["tasks"],
        ["tasks", "show", "citation-intent"],
        ["templates", "task=citation-intent"],
        ["templates"],
        ["runs"],
        ["schema", "task"],
    ],
    ids=" ".join,
)
def test_lists_start_at_once(words: list[str], tmp_path: Path) -> None:
    """Lists load neither torch nor pyarrow nor their like; a card, which explains its metrics, loads numpy."""
    heavy = "torch transformers datasets pyarrow numpy pandas sklearn tokenizers evaluate".split()
    code = f"import sys; from promptsci.cli import main; main(); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    expected = "['numpy']" if "show" in words else "[]"
    assert done.stdout.splitlines()[-1] == expected, done.stderr
