"""New tasks of every kind: guessed from rows, clean at once, and run by a model at once."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.author import Said, plan_task, read_table, write_task
from promptsci.author.check import Request, check
from promptsci.errors import DataError, SpecError
from promptsci.lm import Reader
from promptsci.pipeline import LMs, Settings, folder_of, load_transformers, prepare, run
from promptsci.spec import Catalog

NOUNS = "enzyme crystal neuron glacier polymer quasar lichen isotope".split()
TEXTS = [f"We study the {NOUNS[i % 8]} number {i} with care." for i in range(30)]
TOPICS = [["physics", "chemistry", "biology"][: i % 4] or ["biology"] for i in range(30)]


def _lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _sheet(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _lists(root: Path) -> Path:
    return _lines(root / "rows.jsonl", [{"abstract": a, "topics": t} for a, t in zip(TEXTS, TOPICS, strict=True)])


def _separated(root: Path) -> Path:
    pairs = zip(TEXTS, TOPICS, strict=True)
    return _sheet(root / "rows.csv", [{"abstract": a, "topics": "; ".join(t)} for a, t in pairs])


def _options(root: Path) -> Path:
    rows = [{"question": f"Which is {i}?", "options": [f"a{i}", f"b{i}"], "answer": "AB"[i % 2]} for i in range(30)]
    return _lines(root / "rows.jsonl", rows)


def _numbers(root: Path) -> Path:
    rows = [{"id": i, "smiles": "C" * (i + 1), "solubility": f"{-3 + i * 0.137:.2f}"} for i in range(30)]
    return _sheet(root / "rows.csv", rows)


def _tags(root: Path) -> Path:
    tags = ["O", "B-Thing", "O", "B-Chemical", "I-Chemical"]
    return _lines(root / "rows.jsonl", [{"tokens": ["The", NOUNS[i % 8], "binds", "ATP", str(i)], "tags": tags}
                                        for i in range(30)])  # fmt: skip


def _spans(root: Path) -> Path:
    rows = [{"sentence": text, "found": [{"start": 13, "end": 19, "type": "Thing"}]} for text in TEXTS]
    return _lines(root / "rows.jsonl", rows)


def _summaries(root: Path) -> Path:
    return _lines(root / "rows.jsonl", [{"abstract": text, "summary": f"{text} Care."} for text in TEXTS])


def _keyphrases(root: Path) -> Path:
    return _lines(root / "rows.jsonl", [{"abstract": text, "keyphrases": text.split()[3:5]} for text in TEXTS])


def _ranking(root: Path) -> Path:
    folder = root / "search"
    _lines(folder / "corpus.jsonl", [{"id": f"d{i}", "title": TEXTS[i][:20], "text": TEXTS[i]} for i in range(16)])
    _lines(folder / "queries.jsonl", [{"id": f"q{i}", "text": f"What of the {NOUNS[i]}?"} for i in range(8)])
    for split, numbers in (("train", range(4)), ("test", range(4, 8))):
        rows = "".join(f"q{i}\td{i}\t1\n" for i in numbers)
        (folder / f"{split}.tsv").write_text(f"query_id\tdoc_id\trelevance\n{rows}")
    return folder


MADE: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "lists": (_lists, "multilabel", "labels"),
    "separated": (_separated, "multilabel", "labels"),
    "options": (_options, "multiple-choice", "options"),
    "numbers": (_numbers, "regression", "number"),
    "tags": (_tags, "extraction", "spans"),
    "spans": (_spans, "extraction", "spans"),
    "summaries": (_summaries, "generation", "references"),
    "keyphrases": (_keyphrases, "generation", "phrases"),
    "ranking": (_ranking, "ranking", "relevance"),
}


@pytest.mark.parametrize("name", MADE)
def test_rows_of_each_kind_become_a_clean_task(name: str, tmp_path: Path, tiny_tokenizer_folder: Path) -> None:
    """The kind is guessed, and the task and its three wordings have nothing for check to find, tokens included."""
    make, kind, form = MADE[name]
    write_task(plan_task("mine", read_table(make(tmp_path)), tmp_path), tmp_path)
    catalog = Catalog((tmp_path,))
    task = catalog.task("mine")
    report = check(catalog, Request(task="mine", reader=Reader("tiny", tiny_tokenizer_folder)))

    assert (task.kind, task.form, len(catalog.wordings(task))) == (kind, form, 3)
    # Letter by letter as it reads, the tiny tokenizer takes more tokens for an answer than a model does.
    assert [finding.what for finding in report.findings if finding.code not in ("PS214", "PS304")] == []
    assert report.rows > 0


@pytest.mark.parametrize("name", ["separated", "options", "numbers", "tags", "keyphrases", "ranking"])
def test_a_new_task_runs_at_once(name: str, tmp_path: Path, tiny_lm_folder: Path) -> None:
    """A model answers two rows of the new task behind a shot, and its first metric is judged."""
    write_task(plan_task("mine", read_table(MADE[name][0](tmp_path)), tmp_path), tmp_path)
    settings = Settings("mine", "terse", str(tiny_lm_folder), shots=1, limit=2, verify=0, dtype="float32")
    prepared = prepare(settings, Catalog((tmp_path,)))
    result = run(prepared, folder_of(prepared, tmp_path / "runs"), LMs(load_transformers))

    assert result["n"] >= 1
    assert next(iter(result["metrics"])) == Catalog((tmp_path,)).task("mine").metrics[0]


def test_a_kind_may_be_said(tmp_path: Path) -> None:
    """Rows that could be two kinds become the one that is asked for; one that they cannot be is refused."""
    rows = [{"text": text, "label": "ab"[i % 2], "score": i / 7} for i, text in enumerate(TEXTS)]
    table = read_table(_lines(tmp_path / "rows.jsonl", rows))

    assert plan_task("mine", table, tmp_path).kind == "classification"
    said = plan_task("mine", table, tmp_path, Said(kind="regression"))
    assert (said.kind, said.answer.section["low"], said.answer.section["high"]) == ("regression", 0, 5)
    with pytest.raises(DataError, match="do not look made for extraction"):
        plan_task("mine", table, tmp_path, Said(kind="extraction"))
    with pytest.raises(SpecError, match="no kind of task 'regresion'"):
        plan_task("mine", table, tmp_path, Said(kind="regresion"))


def test_a_ranking_needs_judgements_to_test_on(tmp_path: Path) -> None:
    """A folder without a test split is refused, with what to add."""
    folder = _ranking(tmp_path)
    (folder / "test.tsv").unlink()

    with pytest.raises(DataError, match="no file has judgements for a test split"):
        plan_task("mine", read_table(folder), tmp_path)
