"""Ranking: queries, documents and judgements become (query, document) pairs, the candidates of a first stage (BM25)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from promptsci.data.findings import Findings, short
from promptsci.data.formats import read_rows
from promptsci.errors import DataError
from promptsci.spec.forms import Relevance

Row = dict[str, Any]
CORPUS, QUERIES = "corpus", "queries"
JUDGEMENTS = "qrels"
JUDGED = ("query_id", "doc_id", "relevance")
KNOWN = ("query", "document", "rank", "grade", "relevant", "grades")
"""What a pair says beside its fields: see `pairs`."""


def pairs(
    corpus: Mapping[str, Row], queries: Mapping[str, Row], judged: Mapping[str, Mapping[str, float]], section: Relevance
) -> Iterator[tuple[int, Row]]:
    """Yields (number of the query from 1, pair) of each query's candidates, the first stage's best first.

    A pair is a row with the columns of both sides, such as ``query.text`` and ``document.title``, and with

    - ``query``, ``document``: their ids; ``rank``: the place in the first stage, from 1
    - ``grade``: the judgement, 0 where there is none; ``relevant``: how many documents are relevant to the query
    - ``grades``: how many documents have each grade above 0, which the best possible ranking is made of

    Args:
        corpus: documents by id.
        queries: queries by id.
        judged: grades by query and document.
        section: how many candidates there are, and which grades are relevant.
    """
    ids = list(corpus)
    ranked = first_stage([_text(row) for row in corpus.values()], [_text(queries[key]) for key in judged])
    for number, ((key, grades), order) in enumerate(zip(judged.items(), ranked, strict=True), 1):
        counted = Counter(f"{grade:g}" for grade in grades.values() if grade > 0)
        n_relevant = sum(grade >= section.at_least for grade in grades.values())
        for rank, place in enumerate(order[: section.candidates], 1):
            name = ids[place]
            yield (
                number,
                {
                    **_side("query", queries[key]),
                    **_side("document", corpus[name]),
                    "id": f"{key}/{name}",
                    "query": key,
                    "document": name,
                    "rank": rank,
                    "grade": grades.get(name, 0.0),
                    "relevant": n_relevant,
                    "grades": dict(sorted(counted.items())),
                },
            )


def first_stage(documents: Sequence[str], queries: Sequence[str]) -> Iterator[list[int]]:
    """Yields the places of all documents, the best first, for each query; of equals the one that stands first.

    Source: Robertson and Zaragoza 2009 (BM25, k1 1.5, b 0.75) on stems (Porter 1980). Libraries: bm25s, nltk.
    """
    import bm25s
    import numpy as np

    index = bm25s.BM25(k1=1.5, b=0.75)
    index.index([_words(text) for text in documents], show_progress=False)
    known = index.vocab_dict
    for query in queries:
        words = [word for word in _words(query) if word in known]
        scores = index.get_scores(words) if words else np.zeros(len(documents))
        yield np.argsort(-scores, kind="stable").tolist()


def _words(text: str) -> list[str]:
    """Lower-case words and numbers, stemmed as English."""
    return [_stem(word) for word in re.findall(r"\w+", text.lower())]


@cache
def _stem(word: str) -> str:
    return str(_stemmer().stem(word))


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


def _text(row: Row) -> str:
    """All texts of a row; one that begins another (a title repeated in the text) is left out."""
    texts = [value for name, value in row.items() if name != "id" and isinstance(value, str)]
    return "\n".join(text for text in texts if not any(other != text and other.startswith(text) for other in texts))


def _side(name: str, row: Row) -> Row:
    return {f"{name}.{column}": value for column, value in row.items() if column != "id"}


def read_side(path: Path, findings: Findings) -> dict[str, Row]:
    """Documents or queries by id.

    Raises:
        DataError: one problem with the file.
        Problems: several.
    """
    found: dict[str, Row] = {}
    for line, row in read_rows(path, findings):
        key = row.get("id")
        if not isinstance(key, (str, int)) or isinstance(key, bool):
            findings.add("the row has no id", line, lambda: "Judgements name documents and queries by id.")
        elif str(key) in found:
            findings.add(f"the id '{short(str(key))}' stands twice", line)
        else:
            found[str(key)] = row
    findings.raise_any()
    return found


def read_judgements(
    path: Path, queries: Mapping[str, Row], corpus: Mapping[str, Row], findings: Findings
) -> dict[str, dict[str, float]]:
    """Grades by query and document, in the order of the queries.

    Raises:
        DataError: one problem with the file, or nothing is judged in it.
        Problems: several.
    """
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line, row in read_rows(path, findings):
        missing = [column for column in JUDGED if column not in row]
        if missing:
            findings.add(f"there is no column '{missing[0]}'", line, lambda: f"Columns: {', '.join(JUDGED)}.")
            continue
        query, document, grade = str(row["query_id"]), str(row["doc_id"]), row["relevance"]
        for key, known, word in ((query, queries, "query"), (document, corpus, "document")):
            if key not in known:
                findings.add(f"there is no {word} '{short(key)}'", line)
        try:
            found[query][document] = float(grade)
        except (TypeError, ValueError):
            findings.add(f"the relevance '{short(str(grade))}' is no number", line)
    findings.raise_any()
    if not found:
        raise DataError("nothing is judged here", where=findings.origin)
    return {key: found[key] for key in queries if key in found}
