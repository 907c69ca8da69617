"""Metrics of written texts and of lists of phrases, by the libraries that published figures are computed with.

Of several references the one that gives the row the highest value counts. An invalid answer counts 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from promptsci.score.answered import Answered
from promptsci.score.metrics import Metric, summed
from promptsci.score.outcomes import FloatArray
from promptsci.score.sums import Sums, Table, mean_of_rows, mean_of_sums, ratio

ROUGE = ("rouge1", "rouge2", "rougeL")
CHRF_BETA = 2


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), use_stemmer=False)


@cache
def rouge_values(references: tuple[str, ...], answer: str) -> tuple[float, float, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L F1 of an answer, each by the reference that is best for it."""
    found = [_scorer().score(reference, answer) for reference in references]
    one, two, longest = (max(float(scores[name].fmeasure) for scores in found) for name in ROUGE)
    return one, two, longest


def _rouge_rows(place: int) -> Callable[[Answered], Table]:
    def of_rows(rows: Answered) -> Table:
        values = [
            0.0 if answer is None else rouge_values(tuple(gold), answer)[place]
            for gold, answer in zip(rows.gold, rows.answers, strict=True)
        ]
        return mean_of_rows(np.array(values, dtype=np.float64))

    return of_rows


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF  # type: ignore[attr-defined]

    return CHRF()


def chrf_rows(rows: Answered) -> Table:
    """What each row adds to chrF [N, 18]: for each order of n-grams those of the answer, of the reference, and hits."""
    chrf = _chrf()
    lines = []
    for gold, answer in zip(rows.gold, rows.answers, strict=True):
        lines += chrf._extract_corpus_statistics([answer or ""], [[reference] for reference in gold])
    return np.array(lines, dtype=np.float64)


def chrf_from(sums: FloatArray) -> FloatArray:
    """The corpus' chrF, from 0 to 1 [...] from the sums of `chrf_rows` [..., 18].

    Source:
        Popović 2015, WMT (chrF2: recall has twice the weight), with the effective order of sacrebleu.
    """
    said, right, hits = (sums[..., start::3] for start in range(3))
    precision, recall = ratio(hits, said), ratio(hits, right)
    weight = CHRF_BETA**2
    counted = (said > 0) & (right > 0)
    n_counted = counted.sum(-1)
    mean_precision = ratio((precision * counted).sum(-1), n_counted)
    mean_recall = ratio((recall * counted).sum(-1), n_counted)
    return ratio((1 + weight) * mean_precision * mean_recall, weight * mean_precision + mean_recall)


def length_ratio(rows: Answered) -> float:
    """Words of the answers over words of the first references: 1 is as long, more is longer."""
    said = sum(len((answer or "").split()) for answer in rows.answers)
    return said / max(sum(len(gold[0].split()) for gold in rows.gold), 1)


TEXT_METRICS: tuple[Metric[Answered], ...] = (
    *(
        summed(name, f"ROUGE-{name[5:]}", "generation", Sums(_rouge_rows(place), mean_of_sums),
                "mean over rows of F1 by the best reference, no stemming (rouge-score); an invalid answer counts 0")
        for place, name in enumerate(ROUGE)
    ),
    summed("chrf", "chrF", "generation", Sums(chrf_rows, chrf_from),
            "chrF2 of the whole set (sacrebleu), by each row's best reference; an invalid answer is empty"),
)  # fmt: skip
"""Metrics of texts with references."""


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@cache
def stemmed(phrase: str) -> str:
    """A phrase with its words folded and stemmed (Porter)."""
    return " ".join(_stemmer().stem(word) for word in re.findall(r"\w+", phrase.lower()))


def _distinct(phrases: Iterable[str]) -> list[str]:
    return [phrase for phrase in dict.fromkeys(map(stemmed, phrases)) if phrase]


def f1_at(k: int | None, gold: Sequence[str], answer: Sequence[str] | None) -> float:
    """F1 of the first k answered phrases (all for None), stemmed, repeats left out; not padded when there are fewer.

    Source:
        Meng et al. 2017, ACL (F1@k on stemmed phrases).
    """
    right, said = _distinct(gold), _distinct(answer or ())[:k]
    hits = len(set(right) & set(said))
    return 2 * hits / (len(right) + len(said)) if hits else 0.0


def _f1_rows(k: int | None) -> Callable[[Answered], Table]:
    def of_rows(rows: Answered) -> Table:
        values = [f1_at(k, gold, answer) for gold, answer in zip(rows.gold, rows.answers, strict=True)]
        return mean_of_rows(np.array(values, dtype=np.float64))

    return of_rows


PHRASE_METRICS: tuple[Metric[Answered], ...] = tuple(
    summed(f"f1@{k or 'm'}", f"F1@{k or 'M'}", "generation", Sums(_f1_rows(k), mean_of_sums),
            f"mean over rows of F1 of the {f'first {k}' if k else 'answered'} phrases, stemmed (Porter), repeats left "
            "out; fewer phrases are not padded; an invalid answer counts 0")
    for k in (5, 10, None)
)  # fmt: skip
"""Metrics of lists of phrases, the most important first."""
