from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from promptsci.runs import RowWriter, RunFolder

Call = Callable[..., tuple]
PREDICTIONS = "verdicts/*/predictions.jsonl"


def only(runs: Path, pattern: str) -> Path:
    """The one file of that pattern."""
    (found,) = runs.glob(pattern)
    return found


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """A function (n, act) that lets n rows be written and then acts instead of writing one more, once."""

    def arm(n: int, act: Callable[[], None]) -> None:
        written = []
        write = RowWriter.write

        def counted(self: RowWriter, row: dict) -> None:
            written.append(row)
            if len(written) == n + 1:
                act()
            write(self, row)

        monkeypatch.setattr(RowWriter, "write", counted)

    return arm


def interrupt() -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_a_result_is_printed_on_stdout_and_stored(score: Call, runs: Path) -> None:
    """A run prints its table on stdout, nothing on stderr where that is no terminal, and no line of it is cut."""
    answer = score("--shots", 2)

    assert (answer.code, answer.err) == (0, "")
    assert "2-shot" in answer.out
    assert "…" not in answer.out
    assert str(only(runs, PREDICTIONS).parent) in answer.out.splitlines()[-1]


def test_json_is_one_object_with_the_promised_keys(score: Call) -> None:
    """``run --json`` prints one JSON object with every key that the design promises."""
    keys = """task template model adapter data split method shots seed format n metrics per_class confusion invalid
    tokens seconds peak_memory_bytes warnings run_dir""".split()

    assert set(keys) <= set(score("--limit", 4, "--json").json)


def test_the_same_command_prints_the_stored_result(score: Call, runs: Path, stop_after: Callable) -> None:
    """A second call with the same settings scores nothing; ``--fresh`` scores again."""
    first = score("--limit", 6, "--json")
    stop_after(0, interrupt)

    assert score("--limit", 6, "--json").json["metrics"] == first.json["metrics"]
    assert score("--limit", 6, "--fresh").code == 130


@pytest.mark.parametrize("words", [("--seeds", "0,1,2"), ("template=all",)], ids=["seeds", "wordings"])
def test_several_runs_are_shown_beside_each_other(score: Call, words: tuple[str, ...]) -> None:
    """``--seeds`` and ``template=all`` make one run each, and ``--json`` has them all with their spread."""
    told = score("--shots", 2, "--limit", 6, *words)
    answer = score("--shots", 2, "--limit", 6, *words, "--json").json

    assert len(answer["runs"]) == len({run["run_dir"] for run in answer["runs"]}) >= 2
    assert set(answer["summary"]["accuracy"]) == {"mean", "sd", "median", "low", "high"}
    assert "standard deviation" in told.out
    assert all(f"Stored in {run['run_dir']}" in told.out for run in answer["runs"])


def test_a_sample_keeps_the_labels(score: Call) -> None:
    """``--limit N`` scores N rows in which the labels keep their shares."""
    answer = score("--limit", 6, "--json").json

    assert (answer["n"], [own["support"] for own in answer["per_class"].values()]) == (6, [3, 3])


@pytest.mark.parametrize("split", ["dev", "valid", "validation"])
def test_a_split_may_be_called_by_its_other_names(score: Call, project: Path, split: str) -> None:
    """``split=dev`` is the split ``validation``."""
    folder = project / "tasks" / "verdicts"
    (folder / "task.yaml").write_text((folder / "task.yaml").read_text().replace("test: test.jsonl", "dev: test.jsonl"))

    assert score(f"split={split}", "--limit", 4, "--json").json["split"] == "validation"


def test_ctrl_c_keeps_what_was_scored(score: Call, runs: Path, tmp_path: Path, stop_after: Callable) -> None:
    """Ctrl-C exits with 130 and keeps its rows; the same command goes on and ends with the bytes of a run in one go."""
    assert score("--shots", 1, "--runs", tmp_path / "whole").code == 0
    stop_after(7, interrupt)

    stopped = score("--shots", 1)
    kept = only(runs, "verdicts/*/predictions.partial.jsonl").read_bytes().count(b"\n")
    goes_on = score("--shots", 1)

    assert (stopped.code, stopped.out, kept) == (130, "", 7)
    assert "the same command again" in stopped.err
    assert goes_on.code == 0
    assert only(runs, PREDICTIONS).read_bytes() == only(tmp_path / "whole", PREDICTIONS).read_bytes()


def test_sigterm_is_an_interruption_that_can_be_resumed(score: Call, stop_after: Callable) -> None:
    """A scheduler's SIGTERM exits with 3; the same command goes on."""
    stop_after(3, lambda: os.kill(os.getpid(), signal.SIGTERM))

    assert score().code == 3
    assert score().code == 0


def test_a_killed_run_goes_on(score: Call, runs: Path, tmp_path: Path, stop_after: Callable) -> None:
    """What kill -9 leaves (run.json says running, the last row is torn) is resumed with the same final bytes."""
    assert score("--runs", tmp_path / "whole").code == 0
    stop_after(5, interrupt)
    assert score().code == 130
    partial = only(runs, "verdicts/*/predictions.partial.jsonl")
    rows = partial.read_bytes()
    partial.write_bytes(rows[: len(rows) - 40])

    assert score().code == 0
    assert only(runs, PREDICTIONS).read_bytes() == only(tmp_path / "whole", PREDICTIONS).read_bytes()


@pytest.mark.slow
def test_kill_9_goes_on(score: Call, project: Path, runs: Path, tiny_lm_folder: Path, tmp_path: Path) -> None:
    """A process that is killed while it scores leaves a run that the same command completes to the same bytes."""
    words = ["run", "task=verdicts", f"model={tiny_lm_folder}", "--dtype", "float32", "--verify-sharing", "0"]
    slowly = (
        "import time; from promptsci.runs import RowWriter; from promptsci.cli import main; write = RowWriter.write\n"
        "RowWriter.write = lambda self, row: (time.sleep(0.2), write(self, row)); main()"
    )
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen([sys.executable, "-c", slowly, *words], cwd=project, env=here, stdout=subprocess.DEVNULL)
    while not any(path.read_bytes().count(b"\n") >= 3 for path in runs.glob("verdicts/*/predictions.partial.jsonl")):
        assert process.poll() is None
        time.sleep(0.05)
    busy = score()
    process.kill()
    process.wait()

    assert (busy.code, "another process is working on this run" in busy.err) == (1, True)
    assert score().code == 0
    assert score("--runs", tmp_path / "whole").code == 0
    assert only(runs, PREDICTIONS).read_bytes() == only(tmp_path / "whole", PREDICTIONS).read_bytes()


def test_two_processes_do_not_write_one_run(score: Call, runs: Path, stop_after: Callable) -> None:
    """While one process adds rows, a second call of the same command, ``--fresh`` too, says so and changes nothing."""
    stop_after(2, interrupt)
    score()
    folder = RunFolder(only(runs, "verdicts/*/run.json").parent)
    before = folder.run_path.read_bytes()

    with folder.appending():
        answers = [score(), score("--fresh")]

    assert [answer.code for answer in answers] == [1, 1]
    assert all("another process is working on this run" in answer.err for answer in answers)
    assert folder.run_path.read_bytes() == before
    assert len(folder.partial_rows()) == 2


def test_dropped_shots_are_said(score: Call, project: Path) -> None:
    """Shots that do not fit the context are dropped, counted, and warned of in the result."""
    long = "word " * 90
    rows = "".join(f'{{"text": "{long}{i}", "label": "{("good", "bad")[i % 2]}"}}\n' for i in range(9))
    (project / "tasks" / "verdicts" / "train.jsonl").write_text(rows)
    answer = score("--shots", 8, "--limit", 4, "--json", "--rule", "sum")
    again = score("--shots", 8, "--limit", 4, "--json", "--rule", "mean")

    (warning,) = answer.json["warnings"]
    assert "the context of 512 tokens is too short for 8 shots in 4 of 4 rows" in warning
    assert again.json["warnings"] == answer.json["warnings"]


def test_labels_in_brackets_are_printed_as_they_stand(score: Call, project: Path) -> None:
    """Labels that look like markup or emoji codes are text."""
    for path in (project / "tasks" / "verdicts").iterdir():  # task.yaml, train.jsonl, test.jsonl
        path.write_text(
            path.read_text().replace("values: [good", "values: ['[/b]:cat:'").replace('"good"', '"[/b]:cat:"')
        )

    assert "[/b]:cat:" in score("--limit", 4).out


def test_many_labels_are_listed_where_columns_have_no_room(
    score: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 60 columns nothing is cut: what a label's rows were called becomes one column of words."""
    monkeypatch.setenv("COLUMNS", "60")

    answer = score("--limit", 4)

    assert "precision" in answer.out
    assert "…" not in answer.out
