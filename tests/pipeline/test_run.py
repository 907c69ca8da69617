from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import Interrupted, RunError
from promptsci.pipeline import LMs, folder_of, judge, load_transformers, read_result, run, window
from promptsci.runs import RunFolder
from promptsci.score import RULES

KEYS = """task template model adapter data split method shots seed format n metrics per_class confusion invalid tokens
seconds peak_memory_bytes warnings run_dir""".split()


def rows(folder: RunFolder) -> list[dict[str, Any]]:
    """The rows of a finished run."""
    return list(folder.rows())


def bytes_of(folder: RunFolder) -> bytes:
    """predictions.jsonl as it lies on disk."""
    return folder.predictions_path.read_bytes()


def test_a_result_has_what_design_promises(project: Any) -> None:
    """The keys of ``run --json``, and figures that fit the rows on disk."""
    result, folder = project.run()
    found = rows(folder)

    assert [key for key in KEYS if key not in result] == []
    assert result["n"] == len(found) == 12
    assert set(result["tokens"]) == {"computed", "distinct", "unshared"}
    assert {"value", "low", "high"} <= set(result["metrics"]["macro_f1"])
    assert result["metrics"]["accuracy"]["value"] == sum(row["label"] == row["gold"] for row in found) / 12
    assert result == json.loads(json.dumps(result)) == read_result(folder)
    assert Path(result["run_dir"]) == folder.path


def test_rows_say_what_was_asked_and_answered(project: Any) -> None:
    """Each row has its id, gold, numbers a label, shots and references; the sum rule decides by its best label."""
    prepared = project.prepare()
    _, folder = project.run(rule="sum")
    found = rows(folder)

    assert [row["id"] for row in found] == [example.id for example in prepared.examples]
    for row in found:
        assert list(row["nats"]) == list(prepared.task.labels)
        assert row["label"] == max(row["nats"], key=lambda label: sum(row["nats"][label]))
        assert (len(row["shots"]), row["shots_dropped"], len(row["content_free_nats"])) == (2, 0, 3)
        assert not set(row["shots"]) & {row["id"]}


def test_the_same_command_twice_gives_the_same_bytes(
    project: Any, refuse_lm: Callable[..., Any], tmp_path: Path
) -> None:
    """A second call prints what is on disk without a model; a run elsewhere writes the same rows, in whatever order."""
    result, folder = project.run()
    again = run(project.prepare(), folder, LMs(refuse_lm))
    _, other = project.at(tmp_path / "other").run(project.LM(backwards=True))

    assert again == result
    assert bytes_of(other) == bytes_of(folder)


@pytest.mark.parametrize("seed", range(4))
def test_an_interrupted_run_goes_on_to_the_same_bytes(project: Any, tmp_path: Path, seed: int) -> None:
    """Stopped anywhere, twice, with a torn last line, a run ends with the bytes and tokens of one that never was."""
    whole, folder = project.at(tmp_path / "whole").run()
    n_queries = len(set(_texts(project)))
    draw = random.Random(seed)
    stops = sorted(draw.sample(range(1, n_queries), 2))
    asked: list[str] = []
    for stop in stops:
        lm = project.LM(stop - len(asked))
        with pytest.raises(Interrupted, match=r"(?s)stopped; what was scored is kept in .*Run the same command again"):
            project.run(lm)
        asked += lm.scored
        partial = project.folder(project.prepare()).partial_path
        partial.write_bytes(partial.read_bytes() + b'{"id": "torn", "na')
    last = project.LM()
    result, resumed = project.run(last)

    assert bytes_of(resumed) == bytes_of(folder)
    assert not resumed.partial_path.exists()
    assert result["metrics"] == whole["metrics"]
    # Rows that were written are not asked again; the shared references may be.
    assert len(asked) + len(last.scored) <= n_queries + 2 * 9


def _texts(project: Any) -> list[str]:
    prepared = project.prepare()
    return [query.text for question in prepared.questioner.questions(prepared.examples) for query in question.queries()]


def test_nothing_is_left_to_ask_where_every_row_was_written(project: Any) -> None:
    """A run that was stopped behind its last row asks the model nothing more."""
    _, folder = project.run()
    whole = bytes_of(folder)
    folder.predictions_path.rename(folder.partial_path)
    lm = project.LM()
    project.run(lm)

    assert lm.scored == []
    assert bytes_of(folder) == whole


def test_a_failing_model_keeps_what_was_scored(project: Any) -> None:
    """Whatever stops the model, the rows before it stay and run.json says so."""

    class Failing(project.LM):
        def score(self, *arguments: Any) -> Any:
            for number, scored in enumerate(super().score(*arguments)):
                if number == 10:
                    raise ZeroDivisionError
                yield scored

    with pytest.raises(ZeroDivisionError):
        project.run(Failing())
    folder = project.folder(project.prepare())

    assert folder.read_run()["state"] == "interrupted"
    assert folder.partial_rows()
    assert not folder.is_whole


def test_another_rule_judges_without_the_model(project: Any, refuse_lm: Callable[..., Any]) -> None:
    """Every decision rule is applied to the numbers on disk; going back gives the first result again."""
    first, folder = project.run()
    before = bytes_of(folder)
    labels = set()
    for rule in RULES:
        result = run(project.prepare(rule=rule), folder, LMs(refuse_lm))
        labels.add(tuple(row["label"] for row in rows(folder)))
        assert folder.read_run()["rule"] == rule
        assert result["n"] == 12
    again = run(project.prepare(), folder, LMs(refuse_lm))

    assert len(labels) > 1
    assert again["metrics"] == first["metrics"]
    assert bytes_of(folder) == before


def test_fresh_starts_over(project: Any) -> None:
    """--fresh asks the model again and replaces what lies there."""
    _, folder = project.run()
    whole = bytes_of(folder)
    folder.predictions_path.write_text("spoilt\n")
    lm = project.LM()
    project.run(lm, fresh=True)

    assert len(lm.scored) == len(set(_texts(project)))
    assert bytes_of(folder) == whole


CHANGES: list[dict[str, Any]] = [
    {"seed": 1}, {"shots": 3}, {"shots": 0}, {"limit": 13}, {"limit": None}, {"format": "chat"},
    {"split": "validation"}, {"choose": "similar"}, {"template": "terse"}, {"dtype": "float32"},
    {"pool": "validation"}, {"sharing": False},
]  # fmt: skip


def test_each_setting_has_a_folder_of_its_own(project: Any) -> None:
    """What changes predictions changes the folder; what does not, does not."""
    base = project.folder(project.prepare()).path
    others = [project.folder(project.prepare(**change)).path for change in CHANGES]
    same = [project.folder(project.prepare(**change)).path for change in ({"rule": "mean"}, {"verify": 0})]

    assert len({base, *others}) == len(CHANGES) + 1
    assert set(same) == {base}


def test_names_of_a_split_are_one(project: Any) -> None:
    """``dev`` and ``validation`` are the same run."""
    assert project.folder(project.prepare(split="dev")).path == project.folder(project.prepare(split="validation")).path


def test_each_file_that_decides_has_a_say(project: Any, tmp_path: Path) -> None:
    """A change of template, data, task or model moves the run to another folder."""
    import shutil

    task = project.write_task(tmp_path, 6)
    model = tmp_path / "model"
    shutil.copytree(project.model, model)
    seen = set()
    changes = {
        task.parents[2] / "templates/many/plain.jinja": ("is{%", "would be{%"),
        task.parent / "test.jsonl": ("test row 1", "test row one"),
        task.parent / "train.jsonl": ("train row 1", "train row one"),
        task: ("values: [a, b]", "values: [b, a]"),
        model / "config.json": ("512", "500"),
    }
    mine = project.at(project.root, model)
    settings = {"task": "many", "limit": None}
    seen.add(mine.folder(mine.prepare(**settings)).path)
    for path, (old, new) in changes.items():
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        seen.add(mine.folder(mine.prepare(**settings)).path)

    assert len(seen) == len(changes) + 1


def test_seeds_and_limits_choose_rows_and_shots(project: Any) -> None:
    """Another seed gives other shots; a larger sample holds the smaller."""
    shots = {tuple(rows(project.run(seed=seed)[1])[0]["shots"]) for seed in range(4)}
    small = {row["id"] for row in rows(project.run(limit=6)[1])}

    assert len(shots) == 4
    assert small <= {row["id"] for row in rows(project.run(limit=12)[1])}


@pytest.mark.parametrize("n_rows", [1, 5, 64])
def test_windows_do_not_matter(project: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, n_rows: int) -> None:
    """How many rows are planned together changes no byte of the predictions."""
    _, whole = project.at(tmp_path / "whole").run()
    monkeypatch.setattr(window, "WINDOW_ROWS", n_rows)
    _, folder = project.run()

    assert bytes_of(folder) == bytes_of(whole)


def test_a_prompt_asked_twice_is_scored_once(project: Any, tmp_path: Path) -> None:
    """Rows with the same prompt share its score, as all rows share their references."""
    project.write_task(tmp_path, 4)
    path = tmp_path / "tasks/many/test.jsonl"
    path.write_text(path.read_text() + '{"id": "again", "text": "test row 1", "label": "b"}\n')
    lm = project.LM()
    _, folder = project.run(lm, task="many", limit=None)
    found = {row["id"]: row for row in rows(folder)}

    assert len(lm.scored) == len(set(lm.scored)) == 4 + 1 + 3
    assert found["again"]["nats"] == found["test1"]["nats"]


def test_the_same_prompt_with_other_answers_is_another_question(project: Any, tmp_path: Path) -> None:
    """Targets may show a field that the input does not: then rows share the prompt, not the score."""
    template = (
        "---\nabout: x\n---\n{% block instruction %}{% endblock %}{% block input %}Pick one:{% endblock %}"
        "{% block target %}{{ choice }} of {{ text }}{% endblock %}\n"
    )
    project.write_task(tmp_path, 4, template=template)
    _, folder = project.run(task="many", limit=None, shots=0)

    assert len({json.dumps(row["nats"]) for row in rows(folder)}) == 4


def test_a_tampered_run_is_told(project: Any) -> None:
    """A broken row is an error with its line, not a traceback."""
    _, folder = project.run()
    folder.predictions_path.write_bytes(bytes_of(folder).replace(b'"gold"', b'"gold', 1))
    with pytest.raises(RunError, match=r"predictions.jsonl:1: the row is not JSON"):
        project.run(rule="mean")


CHILD = """
import sys
from pathlib import Path
from promptsci.pipeline import LMs, Settings, folder_of, load_transformers, prepare, run
from promptsci.spec import Catalog
prepared = prepare(Settings(task="many", model=sys.argv[1], shots=2, format="plain"), Catalog((Path.cwd(),)))
run(prepared, folder_of(prepared, Path("killed")), LMs(load_transformers))
"""


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Threads of a tiny model only wait for each other, for minutes where others use the cores too."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


KILLED = """
import importlib.util, os, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("scripted", sys.argv[2])
scripted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scripted)
class Deadly(scripted.ScriptedLM):
    def score(self, *arguments):
        for scored in super().score(*arguments):
            if len(self.scored) == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)
            yield scored
project = scripted.Project(Path(sys.argv[1]), Path("killed"))
project.run(Deadly(), task="many", limit=None)
"""


@pytest.mark.parametrize("n_scored", [5, 30])
def test_a_killed_run_keeps_its_rows(project: Any, tmp_path: Path, n_scored: int) -> None:
    """SIGKILL loses no row that was written, and the run goes on to the bytes of one that never was killed."""
    project.write_task(tmp_path, 40)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    conftest = Path(__file__).with_name("conftest.py")
    command = [sys.executable, "-c", KILLED, str(project.model), str(conftest), str(n_scored)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    killed = project.at(tmp_path / "killed")
    n_kept = len(killed.folder(killed.prepare(task="many", limit=None)).partial_rows())
    _, resumed = killed.run(task="many", limit=None)
    _, whole = project.at(tmp_path / "whole").run(task="many", limit=None)

    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert n_kept == n_scored - 4 - 1  # four references come first, and the last query had no time to be written
    assert bytes_of(resumed) == bytes_of(whole)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
def test_a_killed_run_of_a_real_model_goes_on_to_the_same_bytes(project: Any, tmp_path: Path) -> None:
    """SIGKILL in the middle of a real model's run loses no row that was written, and changes no byte of the rest."""
    project.write_task(tmp_path, 400)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", CHILD, str(project.model)]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 100
        while sum(path.stat().st_size for path in (tmp_path / "killed").rglob("*.partial.jsonl")) < 5_000:
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    prepared = project.prepare(task="many", limit=None)
    found = [folder_of(prepared, tmp_path / root) for root in ("killed", "whole")]
    n_kept = len(found[0].partial_rows())
    lms = LMs(load_transformers)
    results = [run(prepared, folder, lms) for folder in found]

    assert 0 < n_kept < 400
    assert bytes_of(found[0]) == bytes_of(found[1])
    assert results[0]["metrics"] == results[1]["metrics"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of this process as Linux tells it")
def test_memory_does_not_grow_with_the_rows(project: Any, tmp_path: Path) -> None:
    """From the twenty thousandth row to the hundred thousandth a run holds no more than ids and places of its rows."""
    held: dict[int, float] = {}

    class Ear:
        n_rows = 0

        def start(self, n_rows: int, n_done: int) -> None:
            assert (n_rows, n_done) == (100_000, 0)

        def advance(self, n_rows: int, _n_tokens: int) -> None:
            self.n_rows += n_rows
            lm.scored.clear()
            if self.n_rows % 20_000 == 0:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                held[self.n_rows] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    lm = project.LM()
    project.write_task(tmp_path, 100_000)
    prepared = project.prepare(task="many", limit=None)
    result = run(prepared, project.folder(prepared), LMs(lambda _model, _settings: lm), watcher=Ear())

    assert result["n"] == 100_000
    assert held[100_000] - held[20_000] < 50  # megabytes


def test_judging_needs_no_model_and_no_prompt(project: Any, refuse_lm: Callable[..., Any]) -> None:
    """Scores are recomputed from the rows on disk alone."""
    first, folder = project.run()
    folder.scores_path.unlink()

    assert judge(project.prepare(), folder)["metrics"] == first["metrics"]


def test_the_batch_rule_on_few_rows_is_warned_of(project: Any) -> None:
    """A rule that is fitted on the scored inputs says so when they are few; other rules need no warning."""
    warned, _ = project.run(rule="batch")
    silent, _ = project.run(rule="sum")

    assert any("fitted on the 12 scored inputs" in warning for warning in warned["warnings"])
    assert silent["warnings"] == []
