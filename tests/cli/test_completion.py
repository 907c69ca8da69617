from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from promptsci.cli.main import VERBS, entry

ROOT = Path(__file__).resolve().parents[2]


def complete(*words: str) -> list[str]:
    """What zsh and fish offer for the last word."""
    shell = ZshComplete(entry, {}, "promptsci", "_PROMPTSCI_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


def in_bash(line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bash offers, which takes words apart at ``=``, at the end of a line."""
    words = line.replace("=", " = ").split()
    if line.endswith(" "):
        words.append("")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    shell = BashComplete(entry, {}, "promptsci", "_PROMPTSCI_COMPLETE")
    return [item.value for item in shell.get_completions(*shell.get_completion_args())]


def test_verbs_are_completed(project: Path) -> None:
    """Every verb is offered, and those that start so."""
    assert set(complete("")) == set(VERBS)
    assert complete("te") == ["templates", "test"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["run", ""], ["task=", "template=", "model=", "adapter=", "data=", "split=", "method="]),
        (["run", "t"], ["task=", "template="]),
        (["run", "task=verd"], ["task=verdicts"]),
        (["run", "ta"], None),
        (["run", "task=verdicts", "template="], ["template=curt", "template=plain", "template=all"]),
        (["run", "task=verdicts", "tem"], ["template=curt", "template=plain", "template=all"]),
        (["run", "task=verdicts", "split="], ["split=train", "split=test"]),
        (["run", "task=verdicts", "data="], ["data=own"]),
        (["run", "model=smol"], ["model=smollm2-135m"]),
        (["run", "split="], ["split=train", "split=validation", "split=test"]),
        (["run", "task=nothing", "template="], []),
        (["run", "task=verdicts", "t"], ["template=curt", "template=plain", "template=all"]),
        (["test", "task=verdicts", "template=c"], ["template=curt"]),
        (["templates", "task=verd"], ["task=verdicts"]),
        (["tasks", "show", "verd"], ["verdicts"]),
        (["schema", "ta"], ["task"]),
        (["study", "me"], ["methods="]),
        (["curve", "task=verd"], ["task=verdicts"]),
        (["tune", "task=verdicts", "split="], ["split=train", "split=test"]),
        (["compare", "task=verd"], ["task=verdicts"]),
        (["variance", "model=smol"], ["model=smollm2-135m"]),
        (["check", "task=verdicts", "template=c"], ["template=curt"]),
        (["show", "task=verd"], ["task=verdicts"]),
    ],
    ids=lambda value: " ".join(value) if value and "=" not in value[0] else "",
)
def test_nouns_and_names_are_completed(project: Path, words: list[str], offered: list[str] | None) -> None:
    """Nouns that are not given yet, then names: tasks, wordings of the task, its splits and sources, models."""
    found = complete(*words)

    assert found == offered if offered is not None else "task=verdicts" in found


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("promptsci run task=verd", ["verdicts"]),
        ("promptsci run task=verdicts template=", ["curt", "plain", "all"]),
        ("promptsci run task=verdicts template=c", ["curt"]),
        ("promptsci run task=verdicts tem", ["template=curt", "template=plain", "template=all"]),
        ("promptsci run task=verdicts ", ["template=", "model=", "adapter=", "data=", "split=", "method="]),
        ("promptsci tasks show verd", ["verdicts"]),
    ],
)
def test_bash_wants_the_part_behind_the_equals_sign(
    project: Path, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]
) -> None:
    """Bash replaces only what stands behind the last ``=``, so only that is offered."""
    assert in_bash(line, monkeypatch) == offered


def test_tasks_of_other_folders_are_completed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """``--catalog`` counts."""
    other = tmp_path_factory.mktemp("other")
    (other / "tasks" / "elsewhere").mkdir(parents=True)
    (other / "tasks" / "elsewhere" / "task.yaml").touch()

    assert complete("run", "--catalog", str(other), "task=else") == ["task=elsewhere"]


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete], ids=lambda shell: shell.name)
def test_each_shell_gets_its_script(shell: type, tmp_path: Path) -> None:
    """The line that the docs give prints a script for the shell."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "_PROMPTSCI_COMPLETE": f"{shell.name}_source"}
    code = "from promptsci.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert "_PROMPTSCI_COMPLETE" in done.stdout, done.stderr
