"""What a user can get wrong, one test a mistake: exit code 1, one clear message, and nothing half-written in runs/."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from promptsci.cli import main

LABELS = ("good", "bad")
TASK = """name: verdicts
title: Does the reviewer like the paper?
kind: classification
data:
  own:
    files: {train: train.jsonl, test: test.jsonl}
fields: {text: text}
label: {column: label, values: [good, bad]}
metrics: [accuracy]
shots: {from: train, choose: random}
"""
FRONT = "---\nabout: A plain question.\n---\n"
BLOCKS = {"instruction": "Is it good or bad?", "input": "Text: {{ text }}\nIt is", "target": "{{ choice }}"}
CUT_FILES = pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")


class Answer(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


def jsonl(*rows: object) -> bytes:
    """Rows as JSON lines."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def rows(n: int, topic: str = "table") -> list[dict]:
    """Labelled rows, the two labels in turn."""
    return [{"text": f"The {topic} number {i} is convincing.", "label": LABELS[i % 2]} for i in range(n)]


def template(front: str = FRONT, **blocks: str) -> str:
    """The text of a wording, with some blocks written otherwise."""
    parts = (f"{{% block {name} %}}\n{text}\n{{% endblock %}}\n" for name, text in {**BLOCKS, **blocks}.items())
    return front + "".join(parts)


class Desk:
    """A user's folder with a sound task, wording and data, and the command line."""

    def __init__(self, folder: Path, model: Path, run: Callable[..., Answer]) -> None:
        self.folder = folder
        self.model = model
        self.run = run
        self.task = folder / "tasks" / "verdicts"
        self.wording = folder / "templates" / "verdicts" / "plain.jinja"
        self.runs = Path(os.environ["PROMPTSCI_RUNS"])
        self.task.mkdir(parents=True)
        self.wording.parent.mkdir(parents=True)
        (self.task / "task.yaml").write_text(TASK)
        self.wording.write_text(template())
        (self.task / "train.jsonl").write_bytes(jsonl(*rows(9, "proof")))
        (self.task / "test.jsonl").write_bytes(jsonl(*rows(4)))

    def score(self, *words: object, model: Path | str | None = None) -> Answer:
        """``promptsci run`` on the task, as plain text, with the tiny model."""
        fixed = ("--format", "plain", "--dtype", "float32", "--verify-sharing", 0)
        return self.run("run", "task=verdicts", f"model={model or self.model}", *fixed, *words)

    def data(self, raw: bytes, name: str = "mine.jsonl") -> str:
        """``data=FILE`` for these bytes."""
        (self.folder / name).write_bytes(raw)
        return f"data={name}"

    def refuses(self, answer: Answer, said: str) -> None:
        """The answer is one clear error that matches, and no file of a run was written."""
        assert answer.code == 1
        assert answer.out == ""
        assert re.search(said, answer.err), answer.err
        assert len(answer.err.strip().splitlines()) <= 2, answer.err  # what, and what to do
        assert "Traceback" not in answer.err
        assert "fault of promptsci" not in answer.err
        assert not [path for path in self.runs.rglob("*") if path.is_file()]

    def prompts(self) -> set[str]:
        """The hashes of all prompts of the only run."""
        (path,) = self.runs.glob("verdicts/*/predictions.jsonl")
        return {json.loads(line)["prompt_sha256"] for line in path.read_text(encoding="utf-8").splitlines()}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Threads of a tiny model only wait for each other, for minutes where others use the cores too."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def desk(
    tmp_path: Path, tiny_lm_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    """A user's folder, which is the current one."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets its own
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["promptsci", *map(str, words)])
        capsys.readouterr()
        before, code = signal.getsignal(signal.SIGTERM), 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        return Answer(code, *capsys.readouterr())

    return Desk(tmp_path, tiny_lm_folder, run)


def test_the_desk_is_sound(desk: Desk) -> None:
    """What the tests below spoil works as it stands, and the prompt is what they take it for."""
    assert desk.score().code == 0
    prompts = {f"Is it good or bad?\n\nText: {row['text']}\nIt is" for row in rows(4)}
    assert desk.prompts() == {hashlib.sha256(prompt.encode()).hexdigest()[:16] for prompt in prompts}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task=verdict"], "there is no task 'verdict'\n  Did you mean 'verdicts'"),
        (["task=verdicts", "template=plian"], "no template 'plian'\n  Did you mean 'plain'"),
        (["task=verdicts", "tempalte=plain"], "unknown noun 'tempalte'\n  Did you mean 'template'"),
        (["task=verdicts", "model=smollm2-135n"], "no model 'smollm2-135n'\n  Did you mean 'smollm2-135m'"),
        (["task=verdicts", "model=./nowhere"], "no model folder or file './nowhere'"),
        (["task=verdicts", "model=org/name"], "'org/name' could not be fetched from the Hub: .*\n  Check the network"),
        (["task=./nowhere/task.yaml"], "nowhere/task.yaml: cannot read the file: No such file"),
        (["task=verdicts", "template=./nowhere.jinja"], "nowhere.jinja: cannot read the file: No such file"),
        (["task=verdicts", "data=./nowhere.jsonl"], "nowhere.jsonl: there is no such file or folder"),
    ],
    ids=["task", "template", "noun", "model", "model-path", "no-network", "task-path", "template-path", "data-path"],
)
def test_unknown_names(desk: Desk, words: list[str], said: str) -> None:
    """A name that nobody knows is answered with the nearest spelling, a path with what is not there."""
    own = [] if any(word.startswith("model=") for word in words) else [f"model={desk.model}"]
    desk.refuses(desk.run("run", *words, *own), said)


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        (template(input="Text: {{ txet }}"), r"plain\.jinja:8: .*uses 'txet'.*\n.*Did you mean 'text'"),
        (
            template(FRONT.replace("\n---\n", "\nchoices: {good: yes, baad: no, bad: nope}\n---\n")),
            r"plain\.jinja:3:\d+: choices: 'baad' is not a label.*\n  Did you mean 'bad'",
        ),
        (
            template(FRONT.replace("\n---\n", "\nchoices: {good: yes}\n---\n")),
            r"plain\.jinja:3:1: .*label 'bad'.* has no words",
        ),
        (
            template(input="{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{{ text }}"),
            r"plain\.jinja(:8)?: .*(loop turns|works for longer|range)",
        ),
        (
            template(input="{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(text) }}"),
            r"plain\.jinja(:\d+)?: .*(calls itself|more than)",
        ),
        (
            template(input="{% include '/etc/passwd' %}{{ text }}"),
            r"plain\.jinja:8: a template cannot include another file",
        ),
        (template(input="{% import 'os' as os %}{{ text }}"), r"plain\.jinja:8: a template cannot import another file"),
        (template(input="{{ text.__class__.__mro__ }}"), r"plain\.jinja:8: .*__class__"),
        (template(input="{{ text | attr('__class__') }}"), r"plain\.jinja:8: .*attr"),
        (template(input="{{ text"), r"plain\.jinja:\d+: this is not Jinja"),
        (template("about: no lines around it\n"), r"plain\.jinja:1: a template starts with front matter"),
    ],
    ids=[
        "field",
        "choice",
        "choice-missing",
        "loop",
        "recursion",
        "include",
        "import",
        "class",
        "attr",
        "jinja",
        "front",
    ],
)
def test_bad_templates(desk: Desk, wording: str, said: str) -> None:
    """A template that does not fit, never ends, or reaches for files or Python is refused at its line."""
    desk.wording.write_text(wording)

    desk.refuses(desk.score(), said)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", r"mine\.jsonl: the file is empty"),
        (b"\n\n", r"mine\.jsonl: there are no rows"),
        (jsonl({"txt": "a", "label": "good"}), r"mine\.jsonl:1: there is no column 'text'\n  .*'?txt"),
        (
            jsonl(*rows(2)) + b'{"text": "a" "label": "bad"}\n',
            r"mine\.jsonl:3: broken JSON: Expecting ',' delimiter at column",
        ),
        (
            jsonl(*rows(1)) + '{"text": "é"}'.encode("latin-1"),
            r"mine\.jsonl:2: the line is not UTF-8\n  Save .* as UTF-8",
        ),
        (
            jsonl({"text": "a", "label": "godo"}),
            r"mine\.jsonl:1: label 'godo' is not a label of the task\n  Did you mean 'good'",
        ),
        (
            jsonl({"id": "x", **rows(1)[0]}, {"id": "x", **rows(1)[0]}),
            r"mine\.jsonl:2: the id 'x' stands twice, on lines 1 and 2",
        ),
        (jsonl({"text": None, "label": "good"}), r"mine\.jsonl:1: column 'text' is null"),
        (
            jsonl({"text": "word " * 200_000, "label": "good"}),
            r"needs [\d,]{7,} tokens without any shot; the model holds 512\n  Shorten",
        ),
        (
            jsonl({"text": "a"}, {"text": "b", "label": ""}),
            r"mine\.jsonl: none of the 2 rows has a label.*\n  .*label: column",
        ),
    ],
    ids=["empty", "no-rows", "column", "json", "utf-8", "label", "ids", "null", "1-MB", "unlabelled"],
)
def test_bad_data(desk: Desk, raw: bytes, said: str) -> None:
    """Rows that cannot be read or do not fit the task are refused with file and line."""
    desk.refuses(desk.score(desk.data(raw)), said)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("bom.jsonl", b"\xef\xbb\xbf" + jsonl(*rows(2))),
        ("crlf.jsonl", jsonl(*rows(2)).replace(b"\n", b"\r\n")),
        ("both.csv", b"\xef\xbb\xbftext,label\r\nThe first.,good\r\nThe second.,bad\r\n"),
    ],
)
def test_windows_files_are_read(desk: Desk, name: str, raw: bytes) -> None:
    """A byte order mark and CRLF line ends are no part of the data."""
    answer = desk.score(desk.data(raw, name), "--json")

    assert answer.code == 0
    assert json.loads(answer.out)["n"] == 2


def test_any_text_stands_in_the_prompt_as_it_is(desk: Desk) -> None:
    """Text that looks like Jinja or a separator, NUL, emoji and right-to-left text reach the model unchanged."""
    texts = [
        "{{ text }}",
        "{% block x %}{# no #}",
        "a ||| b",
        "---\nabout: x\n---",
        "nul \0 here",
        "a 🧪🇪🇺 b",
        "שלום עליכם",
        "\\n <s>",
    ]
    data = jsonl(*({"text": text, "label": LABELS[i % 2]} for i, text in enumerate(texts)))
    answer = desk.score(desk.data(data))

    prompts = {f"Is it good or bad?\n\nText: {text}\nIt is" for text in texts}
    assert answer.code == 0
    assert desk.prompts() == {hashlib.sha256(prompt.encode()).hexdigest()[:16] for prompt in prompts}


def test_white_space_is_a_text(desk: Desk) -> None:
    """A row with nothing but white space is scored like any other."""
    assert desk.score(desk.data(jsonl({"text": " \n\t ", "label": "good"}, *rows(2)))).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shots", 10], r"10 shots are asked for, but the pool has 9 labelled examples.*\n  Use --shots \d"),
        (["--shots", 2, "--pool", "trian"], r"there is no split 'trian'\n  Did you mean 'train'"),
        (["--shots", 2, "--choose", "fixed"], r"task.yaml names 0 fixed shots, 2 are asked for"),
    ],
    ids=["too-many", "pool", "fixed"],
)
def test_bad_shots(desk: Desk, words: list[object], said: str) -> None:
    """Shots that the pool cannot give are refused before the model loads."""
    desk.refuses(desk.score(*words), said)


def test_shots_that_some_row_cannot_have(desk: Desk) -> None:
    """A row whose own text leaves too few shots in the pool is found before any row is scored."""
    (desk.task / "train.jsonl").write_bytes(jsonl(*rows(2, "proof"), *[rows(4)[3]] * 4))

    desk.refuses(desk.score("--shots", 3), r"too few shots are left for example test-3")


def test_shots_beyond_the_context_are_dropped_and_said(desk: Desk) -> None:
    """Shots that do not fit the context are left out; the result counts them."""
    (desk.task / "train.jsonl").write_bytes(
        jsonl(*({"text": f"{'word ' * 90}{i}", "label": LABELS[i % 2]} for i in range(9)))
    )
    answer = desk.score("--shots", 8)

    assert answer.code == 0
    assert re.search(
        r"Warning: the context of 512 tokens is too short for 8 shots in 4 of 4 rows; there \d+ shots", answer.out
    )


def without_weights(model: Path) -> None:
    """No weights at all."""
    (model / "model.safetensors").unlink()


def pickled(model: Path) -> None:
    """The weights are a pickle."""
    (model / "model.safetensors").rename(model / "pytorch_model.bin")


def cut_short(model: Path) -> None:
    """A copy that stopped half way."""
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def no_config(model: Path) -> None:
    """Not a model's folder."""
    (model / "config.json").unlink()


def broken_config(model: Path) -> None:
    """A config that is no JSON."""
    (model / "config.json").write_text("{")


def no_tokenizer(model: Path) -> None:
    """Nothing to read text with."""
    (model / "tokenizer.json").unlink()
    (model / "tokenizer_config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_weights, r"this folder has no weights \(model.safetensors is missing\)\n  Name a folder"),
        (pickled, r"the weights are a pickle \(pytorch_model.bin\), which can run any code.*\n.*save_pretrained"),
        (
            cut_short,
            r"model.safetensors: the weights are damaged: it has \d+ bytes where its header says \d+\n  Delete",
        ),
        (no_config, r"this folder has no config.json, so it is not a model\n"),
        (broken_config, r"config.json: this file cannot be read as JSON: .*\n  Copy the folder again"),
        (no_tokenizer, r"no tokenizer in this folder"),
    ],
)
def test_bad_model_folders(desk: Desk, spoil: Callable[[Path], None], said: str) -> None:
    """A model's folder that is not whole, or not safe to load, is refused with what is wrong with it."""
    model = shutil.copytree(desk.model, desk.folder / "model")
    spoil(model)

    desk.refuses(desk.score(model=model), said)


def test_runs_cannot_go_into_a_file(desk: Desk) -> None:
    """A ``--runs`` that is a file is an error that says so."""
    (desk.folder / "taken").write_text("")

    desk.refuses(desk.score("--runs", "taken"), r"taken/.*: cannot write: Not a directory\n  .*--runs")


@CUT_FILES
def test_a_full_disk_keeps_what_was_written(desk: Desk) -> None:
    """When a row cannot be written the run stops, says what to do, and goes on later to the bytes of a whole run."""
    (desk.task / "test.jsonl").write_bytes(jsonl(*rows(30)))
    assert desk.score("--runs", "whole").code == 0
    (expected,) = Path("whole").glob("verdicts/*/predictions.jsonl")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))  # no file may grow beyond: what a full disk looks like
    try:
        full = desk.score()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (partial,) = desk.runs.glob("verdicts/*/predictions.partial.jsonl")
    kept = partial.read_bytes().count(b"\n")
    goes_on = desk.score()
    (found,) = desk.runs.glob("verdicts/*/predictions.jsonl")

    assert (full.code, full.out) == (1, "")
    assert re.search(r"cannot write: .*\n  .*Make room, and the same command goes on", full.err)
    assert 0 < kept < 30
    assert goes_on.code == 0
    assert found.read_bytes() == expected.read_bytes()
