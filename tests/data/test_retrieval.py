from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptsci.data import read_dataset
from promptsci.errors import DataError, Problems
from promptsci.spec import Catalog, Task

TASK = Task.model_validate(
    {
        "name": "tiny",
        "title": "Tiny",
        "kind": "ranking",
        "data": {"own": {"files": {"test": "qrels.jsonl"}}},
        "fields": {"question": "query.text", "abstract": "document.text"},
        "relevance": {"candidates": "2", "at_least": "2"},
    }
)
ROWS = {
    "corpus": [{"id": "a", "text": "blue bees"}, {"id": "b", "text": "green ants"}, {"id": "c", "text": "blue ants"}],
    "queries": [{"id": 1, "text": "Are bees blue?"}, {"id": 2, "text": "Who counts?"}],
    "qrels": [
        {"query_id": "1", "doc_id": "a", "relevance": 2},
        {"query_id": "1", "doc_id": "b", "relevance": 3},
        {"query_id": "1", "doc_id": "c", "relevance": 1},
        {"query_id": 2, "doc_id": "c", "relevance": "0"},
    ],
}


def put(folder: Path, **files: list[dict[str, Any]]) -> str:
    """A folder with the three files, some of them replaced."""
    for name, rows in {**ROWS, **files}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def test_pairs_are_the_first_stages_best(tmp_path: Path) -> None:
    """A query's candidates come by BM25, stems count, and each pair knows what its judgement needs."""
    examples = read_dataset(TASK, put(tmp_path)).split("test").examples

    assert [example.id for example in examples] == ["1/a", "1/c", "2/a", "2/b"]
    assert [example.gold for example in examples] == ["yes", "no", "no", "no"]
    assert examples[0].fields == {"question": "Are bees blue?", "abstract": "blue bees"}
    assert dict(examples[1].known) == {
        "query": "1", "document": "c", "rank": 2, "grade": 1.0, "relevant": 2, "grades": {"1": 1, "2": 1, "3": 1},
    }  # fmt: skip
    assert [example.group for example in examples] == ["1", "1", "2", "2"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"corpus": [{"text": "x"}]}, r"corpus\.jsonl:1: the row has no id"),
        ({"corpus": [{"id": "a"}, {"id": "a"}]}, r"corpus\.jsonl:2: the id 'a' stands twice"),
        ({"qrels": [{"query_id": "9", "doc_id": "a", "relevance": 1}]}, r"qrels\.jsonl:1: there is no query '9'"),
        ({"qrels": [{"query_id": "1", "doc_id": "z", "relevance": 1}]}, r"qrels\.jsonl:1: there is no document 'z'"),
        ({"qrels": [{"query_id": "1", "relevance": 1}]}, r"there is no column 'doc_id'\n  Columns: query_id, doc_id"),
        ({"qrels": [{"query_id": "1", "doc_id": "a", "relevance": "x"}]}, r"the relevance 'x' is no number"),
    ],
)
def test_what_does_not_fit_together_is_told(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    """Ids that are missing, repeated or unknown are named with file and line."""
    with pytest.raises((DataError, Problems), match=message):
        read_dataset(TASK, put(tmp_path, **files))


def test_judgements_alone_are_not_enough(tmp_path: Path) -> None:
    """Without the corpus beside them judgements say nothing."""
    put(tmp_path)
    (tmp_path / "corpus.jsonl").unlink()
    with pytest.raises(DataError, match=r"there is no corpus beside the judgements\n  A ranking has corpus, queries"):
        read_dataset(TASK, str(tmp_path))


@pytest.mark.data
def test_cranfield_by_bm25(real_data: Path) -> None:
    """The first stage alone reaches the nDCG@10 that is known of BM25 on Cranfield, about 37."""
    from promptsci.score.rank_metrics import RANK_METRICS, rankings

    task = Catalog.standard().task("cranfield")
    examples = read_dataset(task, str(real_data / "cranfield")).split("test").examples
    rows = [{"id": example.id, "gold": example.gold, **example.known} for example in examples]
    values = {metric.name: metric.point(rankings(rows, [0.0] * len(rows))) for metric in RANK_METRICS}

    assert values["ndcg@10"] == pytest.approx(0.372, abs=0.001)
