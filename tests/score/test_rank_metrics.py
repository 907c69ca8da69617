from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from promptsci.score.rank_metrics import RANK_METRICS, rankings

METRICS = {metric.name: metric for metric in RANK_METRICS}
TREC = {"ndcg@10": "ndcg_cut_10", "map": "map", "mrr": "recip_rank", "p@10": "P_10", "recall@10": "recall_10",
        "recall@100": "recall_100"}  # fmt: skip


def pairs(qrels: dict[str, dict[str, int]], candidates: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Rows of predictions as a run stores them."""
    return [
        {
            "query": query, "document": document, "rank": rank, "grade": float(qrels[query].get(document, 0)),
            "gold": "yes" if qrels[query].get(document, 0) >= 1 else "no",
            "relevant": sum(grade >= 1 for grade in qrels[query].values()),
            "grades": {str(grade): list(qrels[query].values()).count(grade) for grade in (1, 2, 3)},
        }
        for query, found in candidates.items()
        for rank, document in enumerate(found, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_trec_eval(seed: int) -> None:
    """Graded judgements, documents that were not found, and queries without any: all equal pytrec_eval."""
    import pytrec_eval

    rng = random.Random(seed)
    qrels = {f"q{q}": {f"d{d}": rng.choice([0, 0, 1, 2, 3]) for d in rng.sample(range(60), 20)} for q in range(8)}
    qrels["q0"] = dict.fromkeys(qrels["q0"], 0)
    candidates = {query: [f"d{d}" for d in rng.sample(range(60), 30)] for query in qrels}
    rows = pairs(qrels, candidates)
    scores = [rng.random() for _ in rows]
    run: dict[str, dict[str, float]] = {query: {} for query in qrels}
    for row, score in zip(rows, scores, strict=True):
        run[row["query"]][row["document"]] = score
    judge = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "map", "recip_rank", "P.10", "recall.10,100"})
    by_query = judge.evaluate(run)
    found = rankings(rows, scores)

    for name, theirs in TREC.items():
        assert METRICS[name].point(found) == pytest.approx(np.mean([by_query[q][theirs] for q in qrels])), name


def test_equals_keep_the_order_of_the_first_stage() -> None:
    """Pairs with one score stand as BM25 had them."""
    rows = pairs({"q": {"d2": 1}}, {"q": ["d1", "d2", "d3"]})

    assert METRICS["mrr"].point(rankings(rows[::-1], [0.5] * 3)) == 0.5
    assert METRICS["mrr"].point(rankings(rows, [0.5, 0.7, 0.5])) == 1.0
