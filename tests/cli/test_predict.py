from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., tuple]


@pytest.fixture
def papers(project: Path) -> Path:
    """A file of rows without labels, one of them broken, beside a validation split of the project's task."""
    task = project / "tasks" / "verdicts"
    (task / "validation.jsonl").write_text((task / "test.jsonl").read_text().replace("table", "chart"))
    yaml = task / "task.yaml"
    yaml.write_text(yaml.read_text().replace("test: test.jsonl", "test: test.jsonl, validation: validation.jsonl"))
    path = project / "papers.jsonl"
    rows = [{"text": f"The survey number {i} is convincing.", "year": 2000 + i % 2} for i in range(30)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    return path


@pytest.fixture
def label(call: Call, papers: Path, tiny_lm_folder: Path, _one_thread: None) -> Call:
    """``promptsci predict`` on the file with the tiny model; more words may follow."""

    def run(*words: object) -> tuple:
        model = [f"model={tiny_lm_folder}", "--dtype", "float32", "--verify-sharing", 0]
        return call("predict", "task=verdicts", f"data={papers}", *model, *words)

    return run


def test_a_person_reads_what_was_written(label: Call) -> None:
    """Counts, rejects, trust, prevalence, drift, cost and where it is; nothing on stderr, no line cut."""
    answer = label("--out", "labels.csv", "--shots", 2)

    assert (answer.code, answer.err) == (0, "")
    for words in ("31 rows read, 30 labelled, 1 rejected", "broken JSON", "label sets", "if the same source", "drift",
                  "told apart by TF-IDF", "rows answered now", "Written to labels.csv"):  # fmt: skip
        assert words in answer.out
    assert "…" not in answer.out
    assert len(Path("labels.csv").read_text().splitlines()) == 31


def test_json_is_the_summary_on_disk(label: Call) -> None:
    """``--json`` prints what summary.json holds."""
    found = label("--out", "labels.jsonl", "--json").json

    assert found == json.loads((Path(found["job_dir"]) / "summary.json").read_text())
    assert found["n"]["labelled"] == 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.docx"], "cannot be written"),
        (["--out", "x.csv", "--error", "0"], "between 0 and 1"),
        (["--out", "x.csv", "--where", "year"], "COLUMN=VALUE"),
        (["--out", "x.csv", "--where", "yeer=2000"], "Did you mean 'year'"),
        (["--out", "papers.jsonl"], "take the place"),
        (["--out", "x.csv", "method=tfidf"], "means nothing to it"),
        (["--out", "x.csv", "head=nothing"], "reads no prompt"),
        (["--out", "x.csv", "adapter=a", "method=tfidf"], "different methods"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_type(label: Call, words: list[str], said: str) -> None:
    """Wrong input is one line with a way out, exit code 1, and no traceback."""
    answer = label(*words)

    assert answer.code == 1
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_a_classifier_and_a_trained_head_label_too(call: Call, papers: Path, tiny_encoder_folder: Path) -> None:
    """``method=tfidf`` fits on the spot; ``head=RUN`` reads what was trained, and calls rows as its own run did."""
    fitted = call("predict", "task=verdicts", "method=tfidf", f"data={papers}", "--out", "a.jsonl", "--json").json
    trained = call("tune", "task=verdicts", "--head", f"model={tiny_encoder_folder}", "epochs=1", "--json").json
    name = Path(trained["run_dir"]).name
    test = papers.parent / "tasks" / "verdicts" / "test.jsonl"
    found = call("predict", f"head={name}", f"data={test}", "--out", "b.jsonl", "--json").json
    stored = [json.loads(line) for line in (Path(trained["run_dir"]) / "predictions.jsonl").read_text().splitlines()]

    assert (fitted["method"], found["method"]) == ("tfidf", "head")
    assert [json.loads(line)["predicted_label"] for line in Path("b.jsonl").read_text().splitlines()] == [
        row["label"] for row in stored
    ]
    assert any("also chose when the training of this head ended" in note for note in found["notes"])


def test_serve_says_what_it_lacks_before_a_model_loads(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that others can reach needs a token; an unknown task and a missing package are said too."""
    monkeypatch.delenv("PROMPTSCI_TOKEN", raising=False)

    assert "a token is needed" in call("serve", "task=verdicts", "--host", "0.0.0.0").err
    assert "Did you mean 'verdicts'" in call("serve", "task=verdict").err
    monkeypatch.setitem(__import__("sys").modules, "fastapi", None)
    assert "pip install 'promptsci[serve]'" in call("serve", "task=verdicts").err
