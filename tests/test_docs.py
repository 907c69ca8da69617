"""The commands that the docs promise, run in their order as a reader would type them."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.cli import main
from promptsci.cli.main import VERBS
from promptsci.spec import read_template

TypeIn = Callable[[list[str]], tuple[int, str, str]]
DOCS = Path(__file__).resolve().parents[1] / "docs"
AUTHORING = (DOCS / "authoring.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", AUTHORING, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every promptsci command in a bash block."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    assert all(line.startswith("promptsci ") for line in lines)
    return [shlex.split(line) for line in lines]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with the page's file: its two rows, and more like them."""
    (table,) = blocks("csv")
    more = [
        f'"Section {i}, on the {topic}, is {word}.",{verdict},20{i:02}'
        for i, topic in enumerate(["method", "data", "model", "proof", "survey", "code", "claim", "plot"] * 4)
        for verdict, word in (("good", "a pleasure to read"), ("bad", "hard to follow"))
    ]
    (tmp_path / "reviews.csv").write_text(table + "\n".join(more) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    return tmp_path


@pytest.fixture
def type_in(tiny_lm_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypeIn:
    """Runs one command; a run takes the tiny model instead of fetching one."""

    def run(words: list[str]) -> tuple[int, str, str]:
        tiny = [f"model={tiny_lm_folder}", "--dtype", "float32", "--verify-sharing", "0"]
        target = words.index(">") if ">" in words else len(words)
        monkeypatch.setattr(sys, "argv", [*words[:target], *(tiny if words[1] == "run" else [])])
        before, code = signal.getsignal(signal.SIGTERM), 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        out, err = capsys.readouterr()
        if target < len(words):
            Path(words[target + 1]).write_text(out, encoding="utf-8")
        return code, out, err

    return run


def test_every_command_of_the_authoring_page_works(desk: Path, type_in: TypeIn) -> None:
    """From a CSV to a tested, measured task: each command ends with exit code 0, and leaves what it promises."""
    ran = set()
    for words in commands():
        assert words[1] in VERBS
        code, out, err = type_in(words)
        assert code == 0, (words, out, err)
        ran.add(words[1])

    assert ran >= {"new", "tasks", "templates", "show", "check", "test", "run", "schema", "export"}
    assert {path.stem for path in (desk / "templates" / "reviews").glob("*.jinja")} == {
        "plain", "terse", "listed", "strict",
    }  # fmt: skip
    assert (desk / "task.schema.json").is_file()
    assert len(list((desk / "exported").iterdir())) == 3


def test_the_cases_of_the_page_pass(desk: Path, type_in: TypeIn) -> None:
    """The ``expect`` cases that the page shows are cases, and hold for the task that it makes."""
    assert type_in(commands()[0])[0] == 0
    cases = next(block for block in blocks("yaml") if block.startswith("expect:"))
    path = desk / "templates" / "reviews" / "plain.jinja"
    path.write_text(path.read_text().replace("---\nabout", f"---\n{cases}about", 1))
    assert len(read_template(path).front.expect) == 2
    code, out, err = type_in(["promptsci", "test", "task=reviews", "template=plain"])

    assert code == 0, (out, err)
    assert "2 passed" in out


def test_the_editor_line_of_the_page_is_a_comment(desk: Path, type_in: TypeIn) -> None:
    """The line for the YAML language server changes nothing for the program, and its path leads to the schema."""
    assert type_in(commands()[0])[0] == 0
    line = next(block for block in blocks("yaml") if "yaml-language-server" in block)
    path = desk / "tasks" / "reviews" / "task.yaml"
    path.write_text(line + path.read_text())
    assert type_in(["promptsci", "tasks", "show", "reviews"])[0] == 0

    assert (path.parent / line.split("=")[1].strip()).resolve() == desk / "task.schema.json"
