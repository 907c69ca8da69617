from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.score.answered import Answered
from promptsci.score.text_metrics import PHRASE_METRICS, TEXT_METRICS, f1_at, length_ratio, stemmed

WORDS = "the bees like blue flowers and ants count steps on ground".split()
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
METRICS = {metric.name: metric for metric in (*TEXT_METRICS, *PHRASE_METRICS)}


def rows(gold: list[list[str]], answers: list[object]) -> Answered:
    """Rows with these references and answers."""
    seen = np.zeros(len(gold), dtype=np.bool_)
    return Answered(tuple(f"r{i}" for i in range(len(gold))), tuple(gold), tuple(answers), seen)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.lists(TEXTS, min_size=2, max_size=2), TEXTS), min_size=1, max_size=4))
def test_rouge_and_chrf_are_the_libraries_own(pairs: list[tuple[list[str], str]]) -> None:
    """ROUGE is the mean of rouge-score's best reference; chrF is sacrebleu's for the whole set."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import CHRF

    found = rows([gold for gold, _ in pairs], [answer for _, answer in pairs])
    for name in ("rouge1", "rouge2", "rougeL"):
        scorer = RougeScorer([name])
        best = [max(scorer.score(ref, answer)[name].fmeasure for ref in gold) for gold, answer in pairs]
        assert METRICS[name].point(found) == pytest.approx(np.mean(best))
    streams = [[gold[place] for gold, _ in pairs] for place in (0, 1)]
    expected = CHRF().corpus_score([answer for _, answer in pairs], streams).score / 100
    assert METRICS["chrf"].point(found) == pytest.approx(expected)


def test_an_invalid_text_counts_nothing() -> None:
    """No answer is 0 in each row's mean and an empty text in chrF and in the ratio of lengths."""
    found = rows([["bees like blue"], ["ants count"]], ["bees like blue", None])

    assert METRICS["rouge1"].point(found) == 0.5
    assert 0 < METRICS["chrf"].point(found) < 1
    assert length_ratio(found) == 3 / 5


def test_phrases_are_stemmed_distinct_and_cut() -> None:
    """Plurals and case are one phrase; k cuts what is answered, not what is right, and nothing is padded."""
    assert stemmed("Neural Networks") == stemmed("neural network")
    gold = ["bees", "blue flowers", "steps"]
    assert f1_at(5, gold, ["Bee", "bees", "ants"]) == pytest.approx(2 * 1 / (3 + 2))
    assert f1_at(1, gold, ["ants", "bees"]) == 0
    assert f1_at(None, gold, [*gold, *WORDS]) == pytest.approx(2 * 3 / (3 + len({stemmed(w) for w in [*gold, *WORDS]})))
    assert f1_at(5, gold, None) == 0


@pytest.mark.data
def test_the_first_sentence_of_scitldr(real_data: object) -> None:
    """The first sentence of the abstract as a summary has the ROUGE that the data's notes state: 28.3, 11.3, 23.0."""
    from promptsci.data import read_dataset
    from promptsci.spec import Catalog

    task = Catalog.standard().task("scitldr")
    examples = read_dataset(task, str(real_data / "scitldr"), needed=["test"]).split("test").examples
    answers = [example.fields["abstract"].partition(". ")[0] + "." for example in examples]
    found = rows([list(example.gold) for example in examples], answers)
    values = [100 * METRICS[name].point(found) for name in ("rouge1", "rouge2", "rougeL")]

    assert values == pytest.approx([28.3, 11.3, 23.0], abs=0.05)
