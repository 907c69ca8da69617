"""A method from close up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.report.page.answers import read_answers
from promptsci.report.page.portrait import portrait
from promptsci.score import Outcomes, per_class
from promptsci.score.abstention import risk_coverage


def test_labels_fare_as_scikit_learn_says(study: Any, comparison: Any) -> None:
    """Precision, recall, F1 and support of a method equal scikit-learn's over the answers of all its runs."""
    answers = read_answers(comparison, study.candidates)
    for runs in answers.methods.values():
        pooled = Outcomes(
            answers.words,
            np.tile(answers.gold, len(runs)),
            np.concatenate([run.answer for run in runs]),
            np.tile(answers.seen, len(runs)),
        )
        expected = per_class(pooled)
        found = portrait(runs).classes

        assert found.keys() == expected.keys()
        for label, scores in expected.items():
            assert vars(found[label]) == pytest.approx(vars(scores))


def test_the_curve_is_that_of_the_evaluator(study: Any, comparison: Any) -> None:
    """Points drawn lie on the evaluator's risk-coverage curve, from the surest row to all rows."""
    answers = read_answers(comparison, study.candidates)
    (run,) = answers.methods["lora"]
    drawn, whole = portrait([run]), risk_coverage(run.outcomes)

    assert drawn.aurc == whole.aurc
    assert drawn.risk[0] == (pytest.approx(1 / study.n), whole.risks[0])
    assert drawn.risk[-1] == (1.0, pytest.approx(np.mean(~run.right)))
    assert len(drawn.risk) == study.n
