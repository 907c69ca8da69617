"""Metrics of rankings: a row is a query, its answer the grades of its candidates in the order they were ranked.

Values are those of trec_eval. What a query's relevant documents would be worth at best counts all that are judged, also
those that the first stage did not find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from promptsci.score.answered import Answered, Row
from promptsci.score.metrics import Metric, summed
from promptsci.score.outcomes import FloatArray
from promptsci.score.sums import Sums, Table, mean_of_rows, mean_of_sums


@dataclass(frozen=True)
class Ranked:
    """The candidates of one query in some order.

    Attributes:
        grades: the grade of each, 0 where it is not judged.
        hits: whether each is relevant.
    """

    grades: tuple[float, ...]
    hits: tuple[bool, ...]


@dataclass(frozen=True)
class Judged:
    """What is known of one query: grades of its documents above 0 and how many have each; how many are relevant."""

    grades: Mapping[str, int]
    n_relevant: int


def rankings(rows: Iterable[Row], scores: Sequence[float]) -> Answered:
    """Queries with their candidates ranked by score, the best first; of equals the better of the first stage.

    Args:
        rows: rows of predictions.jsonl, one a pair.
        scores: of each row [N].
    """
    groups: dict[str, list[tuple[float, int, Row]]] = defaultdict(list)
    for row, score in zip(rows, scores, strict=True):
        groups[row["query"]].append((-score, row["rank"], row))
    ordered = {key: [row for *_, row in sorted(group, key=lambda each: each[:2])] for key, group in groups.items()}
    return Answered(
        ids=tuple(ordered),
        gold=tuple(Judged(found[0]["grades"], found[0]["relevant"]) for found in ordered.values()),
        answers=tuple(
            Ranked(tuple(row["grade"] for row in found), tuple(row["gold"] == "yes" for row in found))
            for found in ordered.values()
        ),
        seen=np.array([any(row.get("seen") for row in found) for found in ordered.values()], dtype=np.bool_),
    )


def _gains(grades: Sequence[float]) -> float:
    return float(np.sum(np.maximum(grades, 0) / np.log2(np.arange(2, len(grades) + 2))))


def ndcg(judged: Judged, ranked: Ranked, k: int) -> float:
    """nDCG@k with linear gains; 0 where no document has a grade above 0.

    Source:
        Järvelin and Kekäläinen 2002, with the discount log2(rank + 1) of trec_eval.
    """
    best = sorted((float(grade) for grade, n in judged.grades.items() for _ in range(n)), reverse=True)
    return _gains(ranked.grades[:k]) / _gains(best[:k]) if best else 0.0


def average_precision(judged: Judged, ranked: Ranked) -> float:
    """The mean over relevant documents of the precision at their rank; those not ranked count 0."""
    hits = np.array(ranked.hits, dtype=np.float64)
    precisions = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float((precisions * hits).sum() / judged.n_relevant) if judged.n_relevant else 0.0


def reciprocal_rank(_judged: Judged, ranked: Ranked) -> float:
    """One over the rank of the first relevant document; 0 where none is ranked."""
    return 1 / (ranked.hits.index(True) + 1) if True in ranked.hits else 0.0


def recall(judged: Judged, ranked: Ranked, k: int) -> float:
    """Relevant documents among the first k over all relevant ones."""
    return sum(ranked.hits[:k]) / judged.n_relevant if judged.n_relevant else 0.0


def precision(_judged: Judged, ranked: Ranked, k: int) -> float:
    """Relevant documents among the first k, over k."""
    return sum(ranked.hits[:k]) / k


def _mean(name: str, title: str, value: Callable[[Any, Any], float], about: str) -> Metric[Answered]:
    def of_rows(rows: Answered) -> Table:
        values: FloatArray = np.array([value(*pair) for pair in zip(rows.gold, rows.answers, strict=True)])
        return mean_of_rows(values)

    return summed(name, title, "ranking", Sums(of_rows, mean_of_sums), f"mean over queries of {about}, as in trec_eval")


RANK_METRICS: tuple[Metric[Answered], ...] = (
    _mean("ndcg@10", "nDCG@10", lambda judged, ranked: ndcg(judged, ranked, 10), "nDCG at rank 10, gains linear"),
    _mean("map", "MAP", average_precision, "average precision"),
    _mean("mrr", "MRR", reciprocal_rank, "one over the rank of the first relevant document"),
    _mean("p@10", "P@10", lambda judged, ranked: precision(judged, ranked, 10),
          "the share of relevant in the first 10"),
    _mean("recall@10", "Recall@10", lambda judged, ranked: recall(judged, ranked, 10),
          "relevant found in the first 10"),
    _mean("recall@100", "Recall@100", lambda judged, ranked: recall(judged, ranked, 100),
          "relevant found in the first 100"),
)  # fmt: skip
"""Metrics of rankings."""
