"""What each Run of a comparison answered, row by row, read from its folder again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from promptsci.compare import Candidate, Comparison, RunEntry
from promptsci.score import NONE, Outcomes, from_rows, outcomes_of
from promptsci.score.judged import NEEDS_REFERENCES
from promptsci.score.outcomes import BoolArray, FloatArray, IntArray

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class RunAnswers:
    """The answers of one Run on the rows compared.

    Args:
        name: what tells it apart from the other runs of its method; empty where there is one only.
        answer: positions in the words of `Answers` [N], ``NONE`` for an invalid answer.
        right: the answer is right [N], or None where an answer is not simply right or wrong.
        sure: the probability of the answer [N], or None where nothing was scored.
        gold_sure: the probability of the right answer [N], or None.
        outcomes: the rows as metrics see them, or None where answers are no labels of the task.
    """

    name: str
    answer: IntArray
    right: BoolArray | None
    sure: FloatArray | None
    gold_sure: FloatArray | None
    outcomes: Outcomes | None


@dataclass(frozen=True, eq=False)
class Answers:
    """The rows that decide a comparison, and what every run of every method answered.

    Args:
        ids: of the rows [N].
        words: every answer there is; the task's labels first, in task order.
        labels: how many of the words are labels of the task; 0 where answers are free.
        gold: the right answers, as positions in words [N].
        seen: the row's text also stands in train [N].
        methods: method name -> its runs.
    """

    ids: tuple[str, ...]
    words: tuple[str, ...]
    labels: int
    gold: IntArray
    seen: BoolArray
    methods: Mapping[str, tuple[RunAnswers, ...]]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)


def read_answers(comparison: Comparison, candidates: Sequence[Candidate]) -> Answers:
    """The answers behind a comparison.

    Args:
        comparison: names the methods, their runs, the rule of each, and which rows decide.
        candidates: the Runs it was made from.

    Raises:
        RunError: a Run's files cannot be read any more.
    """
    by_folder = {str(run.folder.path): run for run in candidates}
    ids, seen = _deciding(comparison, candidates)
    first = candidates[0].record
    labels = tuple(first["labels"]) if _has_labels(first) else ()
    words = {word: place for place, word in enumerate(labels)}
    gold: IntArray | None = None
    methods: dict[str, tuple[RunAnswers, ...]] = {}
    for method in comparison.methods:
        runs = []
        for entry in method.runs:
            run = by_folder[entry.run_dir]
            name = _run_name(entry) if len(method.runs) > 1 else ""
            read: Callable[..., tuple[RunAnswers, IntArray]] = _labelled if labels else _free
            answers, gold = read(name, run, ids, entry.rule, words)
            runs.append(answers)
        methods[method.name] = tuple(runs)
    assert gold is not None
    return Answers(ids, tuple(words), len(labels), gold, seen, methods)


def _run_name(entry: RunEntry) -> str:
    """Wording and seed of a run, as far as it has them."""
    wording = [entry.template.rpartition("/")[2]] if entry.template else []
    return " ".join([*wording, f"seed {entry.seed}"])


def _has_labels(record: Mapping[str, Any]) -> bool:
    return str(record.get("kind", "classification")) == "classification"


def _deciding(comparison: Comparison, candidates: Sequence[Candidate]) -> tuple[tuple[str, ...], BoolArray]:
    """Ids of the rows that decide, and which of them are seen: by the same rule as the comparison itself."""
    places = [{key: place for place, key in enumerate(run.judged.ids)} for run in candidates]
    first = candidates[0].judged
    shared = [
        key
        for key, gold in zip(first.ids, first.gold, strict=True)
        if all(
            key in place and run.judged.gold[place[key]] == gold for place, run in zip(places, candidates, strict=True)
        )
    ]
    seen = np.array(
        [any(run.judged.seen[place[key]] for place, run in zip(places, candidates, strict=True)) for key in shared]
    )
    mask = {"all": np.ones_like(seen), "unseen": ~seen, "seen": seen}[comparison.rows]
    assert int(mask.sum()) == comparison.n, "the candidates are not those of the comparison"
    return tuple(key for key, kept in zip(shared, mask, strict=True) if kept), seen[mask]


def _labelled(
    name: str, run: Candidate, ids: Sequence[str], rule: str, words: dict[str, int]
) -> tuple[RunAnswers, IntArray]:
    """Answers that are labels; runs may list their labels in another order than the first."""
    logliks = from_rows(run.folder.rows(), tuple(words), references=rule in NEEDS_REFERENCES)
    places = {key: place for place, key in enumerate(logliks.ids)}
    outcomes = outcomes_of(logliks, rule).take(np.array([places[key] for key in ids], dtype=np.int64))
    right = outcomes.predicted == outcomes.gold
    assert outcomes.log_probs is not None
    shares = np.exp(outcomes.log_probs)
    rows = np.arange(len(outcomes))
    sure, gold_sure = shares[rows, outcomes.predicted], shares[rows, outcomes.gold]
    return RunAnswers(name, outcomes.predicted, right, sure, gold_sure, outcomes), outcomes.gold


def _free(
    name: str, run: Candidate, ids: Sequence[str], rule: str, words: dict[str, int]
) -> tuple[RunAnswers, IntArray]:
    """Answers that are texts, spans or numbers: every different one becomes a word."""
    del rule  # what was written is the answer
    rows = {str(row["id"]): row for row in run.folder.rows()}
    chosen = [rows[key] for key in ids]
    answer = [_word(row.get("label", row.get("answer")), words) for row in chosen]
    gold = [_word(row.get("gold"), words) for row in chosen]
    right = None
    if run.judged.right is not None:
        known = dict(zip(run.judged.ids, run.judged.right, strict=True))
        right = np.array([known[key] for key in ids], dtype=np.bool_)
    return RunAnswers(name, np.array(answer), right, None, None, None), np.array(gold)


def _word(value: Any, words: dict[str, int]) -> int:
    if value is None:
        return NONE
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return words.setdefault(text, len(words))
