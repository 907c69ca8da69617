"""A language model whose numbers are a hash of the tokens, and a project in which runs take milliseconds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from promptsci.lm import Description, Generated, Generation, ModelFolder, Scored, TokenCount
from promptsci.pipeline import LMs, Settings, folder_of, prepare, run
from promptsci.pipeline.prepare import Prepared
from promptsci.prompt import Query
from promptsci.runs import RunFolder
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

DOCS = Path(__file__).resolve().parents[2] / "docs" / "kinds.md"
SECTION = re.compile(r"^## ([\w: -]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCHEMA = {
    "type": "object",
    "properties": {
        "product": {"type": "string"},
        "kelvin": {"type": "number"},
        "gases": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["product"],
    "additionalProperties": False,
}
EXAMPLES = {title: dict(FENCE.findall(body)) for title, body in SECTION.findall(DOCS.read_text(encoding="utf-8"))}
WRITTEN = [title for title, parts in EXAMPLES.items() if "{{ answer }}" in parts["jinja"]]


class ScriptedLM:
    """An LM whose log-likelihoods are a hash of all tokens up to each one; it may be stopped in the middle.

    Args:
        stop_after: the queries that are answered before the keyboard interrupts.
        backwards: whether queries are answered from the last to the first.
        script: prompt -> the answer that is written behind it.
    """

    def __init__(
        self, stop_after: int | None = None, *, backwards: bool = False, script: Callable[[str], str] | None = None
    ) -> None:
        self.stop_after = stop_after
        self.backwards = backwards
        self.script = script
        self.scored: list[str] = []
        self.reset()

    @property
    def check_seconds(self) -> float:
        return 0.0

    def reset(self) -> None:
        self.tokens = TokenCount()

    def score(
        self, queries: Sequence[Query], known: Collection[int] = (), first: Sequence[int] = ()
    ) -> Iterator[Scored]:
        order = list(dict.fromkeys([*first, *range(len(queries))]))
        for number in order[::-1] if self.backwards else order:
            if number in known:
                continue
            if self.stop_after is not None and len(self.scored) >= self.stop_after:
                raise KeyboardInterrupt
            query = queries[number]
            self.scored.append(query.text)
            self.tokens.computed += len(query.ids)
            self.tokens.distinct += len(query.ids)
            self.tokens.unshared += len(query.ids) * len(query.choices)
            prompt = hashlib.blake2b(query.ids.tobytes())
            yield Scored(number, tuple(_nats(prompt.copy(), ids) for ids in query.choice_ids))

    def generate(self, prompts: Sequence[Query], how: Generation) -> Iterator[tuple[int, Generated]]:
        assert self.script is not None, "nothing is to be written here"
        order = range(len(prompts))
        for number in order[::-1] if self.backwards else order:
            if self.stop_after is not None and len(self.scored) >= self.stop_after:
                raise KeyboardInterrupt
            self.scored.append(prompts[number].text)
            text = self.script(prompts[number].text)
            at = min((place for stop in how.stop if (place := text.find(stop)) >= 0), default=len(text))
            yield number, Generated(tuple(text.encode()), text[:at], "stop" if at < len(text) else "end")

    def describe(self) -> Description:
        return Description("scripted", "nowhere", "exact", "cpu", "none", 0, 512)


def _nats(state: Any, ids: Sequence[int]) -> tuple[float, ...]:
    nats = []
    for number in ids:
        state.update(number.to_bytes(4, "little"))
        nats.append(-8 * int.from_bytes(state.digest()[:4], "little") / 2**32)
    return tuple(nats)


def write_task(folder: Path, n_rows: int, **files: str) -> Path:
    """A task of two labels with n short rows; files replace what would be written."""
    task = folder / "tasks" / "many" / "task.yaml"
    template = folder / "templates" / "many" / "plain.jinja"
    for path in (task, template):
        path.parent.mkdir(parents=True, exist_ok=True)
    task.write_text(
        files.get("task")
        or "name: many\ntitle: Many\nkind: classification\n"
        "data: {own: {files: {train: train.jsonl, test: test.jsonl}}}\n"
        "fields: {text: text}\nlabel: {column: label, values: [a, b]}\nmetrics: [accuracy]\n"
    )
    template.write_text(
        files.get("template")
        or "---\nabout: x\n---\n{% block instruction %}A or b?{% endblock %}\n"
        "{% block input %}{{ text }} is{% endblock %}\n"
        "{% block target %}{{ choice }}{% endblock %}\n"
    )
    for name, n in (("train", 8), ("test", n_rows)):
        with (task.parent / f"{name}.jsonl").open("w") as out:
            for i in range(n):
                out.write(json.dumps({"id": f"{name}{i}", "text": f"{name} row {i}", "label": "ab"[i % 2]}) + "\n")
    return task


def write_example_in(folder: Path, title: str, **changes: str) -> str:
    """An example of the docs as files under ``tasks`` and ``templates``; its name."""
    parts = {**EXAMPLES[title], **changes}
    name = re.search(r"^name: (.*)$", parts["yaml"], re.MULTILINE)[1]
    task, template = folder / "tasks" / name, folder / "templates" / name
    for path in (task, template):
        path.mkdir(parents=True)
    (task / "task.yaml").write_text(parts["yaml"])
    (task / "schema.json").write_text(json.dumps(SCHEMA))
    (template / "plain.jinja").write_text(parts["jinja"])
    if "json" not in parts:
        for each in ("corpus", "queries", "qrels"):
            (task / f"{each}.jsonl").write_text(parts[each])
        return name
    rows = [json.loads(line) for line in parts["json"].splitlines()]
    (task / "test.jsonl").write_text("".join(json.dumps({"id": f"t{i}", **row}) + "\n" for i, row in enumerate(rows)))
    # The same right answers behind other texts: a shot never has the text of the query.
    shown = [{"id": f"s{i}", **_reworded(row)} for i, row in enumerate(rows)]
    (task / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shown))
    return name


def _reworded(row: dict[str, Any]) -> dict[str, Any]:
    for key in ("text", "question", "a", "abstract"):
        if key in row:
            return {**row, key: f"Earlier: {row[key]}"}
    return {**row, "tokens": ["Earlier:", *row["tokens"]], "tags": ["O", *row["tags"]]}


class Project:
    """Prepares and runs with a scripted LM in a runs folder of its own."""

    LM = ScriptedLM
    write_task = staticmethod(write_task)

    def __init__(self, model: Path, root: Path) -> None:
        self.model = model
        self.root = root

    def at(self, root: Path, model: Path | None = None) -> Project:
        """The same with another runs folder, or another model."""
        return Project(model or self.model, root)

    def settings(self, **changes: Any) -> Settings:
        """Twelve rows of the bundled task with two shots, but for the changes."""
        asked = {"task": "citation-intent", "model": str(self.model), "shots": 2, "limit": 12, "format": "plain"}
        return Settings(**{**asked, **changes})

    def prepare(self, **changes: Any) -> Prepared:
        """The run, prepared."""
        return prepare(self.settings(**changes), Catalog((Path.cwd(), shipped_root())))

    def folder(self, prepared: Prepared) -> RunFolder:
        """Where it stands."""
        return folder_of(prepared, self.root)

    def run(
        self, lm: ScriptedLM | None = None, *, fresh: bool = False, **changes: Any
    ) -> tuple[dict[str, Any], RunFolder]:
        """The result and the folder of a run."""
        prepared = self.prepare(**changes)
        folder = self.folder(prepared)
        return run(prepared, folder, LMs(lambda _model, _settings: lm or ScriptedLM()), fresh=fresh), folder


@pytest.fixture
def project(tiny_lm_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Project(tiny_lm_folder, tmp_path / "runs")


@pytest.fixture
def refuse_lm() -> Callable[[ModelFolder, Settings], ScriptedLM]:
    """A loader that must not be asked."""

    def refuse(_model: ModelFolder, _settings: Settings) -> ScriptedLM:
        pytest.fail("a language model was loaded where none is needed")

    return refuse


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of ``title`` runs for every example of docs/kinds.md, one of ``written_title`` for written ones."""
    marked = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    for name, titles in (("title", list(EXAMPLES)), ("written_title", WRITTEN)):
        if name in metafunc.fixturenames and not any(name in str(words) for words in marked):
            metafunc.parametrize(name, titles)


@pytest.fixture
def examples() -> dict[str, dict[str, str]]:
    """The examples of docs/kinds.md: title -> language of a fenced block -> its text."""
    return EXAMPLES


@pytest.fixture
def write_example(tmp_path: Path) -> Callable[..., str]:
    """A function: writes an example of the docs under the test's folder, parts of it replaced, and gives its name."""
    return lambda title, **changes: write_example_in(tmp_path, title, **changes)
