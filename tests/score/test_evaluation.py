"""Claims about the evaluator as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from promptsci.errors import DataError, RunError, SpecError
from promptsci.score import RULES, evaluate, evaluate_decisions, from_rows, outcomes_of
from promptsci.score.metrics import METRICS

LABELS = ("Background", "Uses", "Future")
COUNTS = {"Background": 9, "Uses": 4, "Future": 2}


@pytest.fixture
def rows(make_rows: Any) -> Any:
    """Forty rows, three of them unlabelled."""
    made = make_rows()
    for row in made[::15]:
        row["gold"] = None
    return made


def _evaluate(rows: Any, **given: Any) -> Any:
    settings = {"metrics": ["macro_f1", "accuracy"], "rule": "sum", "train_label_counts": COUNTS} | given
    return evaluate(from_rows(rows, LABELS), **settings)


def test_json_has_the_agreed_shape(rows: Any) -> None:
    """scores.json is strict JSON with the agreed keys, plain types and unrounded numbers."""
    stored = _evaluate(rows).to_json()
    again = json.loads(json.dumps(stored, allow_nan=False))
    assert again == stored
    assert {"rule", "n", "metrics", "per_class", "confusion", "invalid", "near_ties", "calibration", "rules"} < set(
        stored
    )
    assert {"unseen", "seen", "majority", "smallest_difference", "interval"} < set(stored)
    assert set(stored["metrics"]["macro_f1"]) == {"value", "low", "high"}
    assert set(stored["per_class"]["Uses"]) == {"precision", "recall", "f1", "support"}
    assert stored["confusion"]["labels"] == list(LABELS)
    assert [len(row) for row in stored["confusion"]["counts"]] == [4, 4, 4]
    assert set(stored["rules"]) == set(RULES)
    assert set(stored["rules"]["pmi"]) == set(METRICS)
    assert set(stored["calibration"]) == {"n", "excluded", "ece", "brier", "bins"}


def test_unlabelled_rows_are_left_out_and_counted(rows: Any) -> None:
    """Rows without gold are in no metric; the numbers are those of the labelled rows alone."""
    scores = _evaluate(rows)
    assert (scores.n, scores.unlabelled) == (37, 3)
    assert sum(map(sum, scores.confusion)) == 37
    labelled = [row for row in rows if row["gold"] is not None]
    assert _evaluate(labelled).metrics == scores.metrics


def test_batch_rule_reads_unlabelled_rows_too(rows: Any) -> None:
    """The batch rule's mean runs over all scored rows, with or without a gold label."""
    logliks = from_rows(rows, LABELS)
    log_probs = outcomes_of(logliks, "batch").log_probs
    assert log_probs is not None
    p = np.exp(logliks.sum_nats) / np.exp(logliks.sum_nats).sum(1, keepdims=True)
    ratio = p / p.mean(0)
    np.testing.assert_allclose(np.exp(log_probs), ratio / ratio.sum(1, keepdims=True))


@pytest.mark.parametrize("rule", RULES)
def test_chosen_rule_is_its_row_in_the_table(rows: Any, rule: str) -> None:
    """The chosen rule's values equal its row among the rules, and scikit-learn's on its decisions."""
    scores = _evaluate(rows, rule=rule)
    assert scores.rule == rule
    assert {name: found.value for name, found in scores.metrics.items()} == scores.rules[rule]
    outcomes = outcomes_of(from_rows(rows, LABELS), rule).labelled()
    expected = f1_score(outcomes.gold, outcomes.predicted, labels=range(3), average="macro", zero_division=0)
    assert scores.metrics["macro_f1"].value == pytest.approx(expected)


def test_the_tasks_metrics_come_first(rows: Any) -> None:
    """The task's order is kept, its first metric is the main one, and the standard ones always follow."""
    scores = _evaluate(rows, metrics=["mean_f1:Uses,Future", "mcc"])
    assert scores.main == "mean_f1:Uses,Future"
    assert list(scores.metrics)[:2] == ["mean_f1:Uses,Future", "mcc"]
    assert set(METRICS) < set(scores.metrics)
    assert scores.metrics["mean_f1:Uses,Future"].value == pytest.approx(
        (scores.per_class["Uses"].f1 + scores.per_class["Future"].f1) / 2
    )


def test_seen_and_unseen_rows_are_scored_apart(rows: Any) -> None:
    """The two groups add up to all rows, and each scores as if its rows were alone."""
    scores = _evaluate(rows)
    assert scores.seen is not None
    assert scores.unseen is not None
    assert scores.seen.n + scores.unseen.n == scores.n
    unseen = [row for row in rows if not row["seen"]]
    assert _evaluate(unseen).metrics == scores.unseen.metrics
    right = scores.seen.n * scores.seen.metrics["accuracy"].value
    right += scores.unseen.n * scores.unseen.metrics["accuracy"].value
    assert right == pytest.approx(scores.n * scores.metrics["accuracy"].value)


def test_groups_that_are_empty_or_all_are_null(rows: Any) -> None:
    """Nothing seen: no groups. All seen: no unseen group. A group names its absent labels."""
    for row in rows:
        row["seen"] = False
    assert (_evaluate(rows).seen, _evaluate(rows).unseen) == (None, None)
    rows[1].update(seen=True, gold="Uses")
    seen = _evaluate(rows).seen
    assert seen is not None
    assert (seen.n, seen.absent) == (1, ("Background", "Future"))
    for row in rows:
        row["seen"] = True
    assert _evaluate(rows).unseen is None


def test_majority_row_stands_beside(rows: Any) -> None:
    """Majority accuracy is the share of train's most frequent label; without counts there is no such row."""
    scores = _evaluate(rows)
    assert scores.majority is not None
    assert scores.majority.label == "Background"
    share = scores.per_class["Background"].support / scores.n
    assert scores.majority.metrics["accuracy"].value == pytest.approx(share)
    assert _evaluate(rows, train_label_counts=None).majority is None


def test_row_order_changes_nothing_but_seed_does(rows: Any) -> None:
    """The same rows in another order give the same metrics and intervals; another seed other intervals."""
    scores, turned = _evaluate(rows), _evaluate(rows[::-1])
    for rule in RULES:
        assert turned.rules[rule] == pytest.approx(scores.rules[rule])
    assert turned.metrics == scores.metrics
    assert _evaluate(rows, seed=1).metrics != scores.metrics


def test_generated_answers_count_invalid_as_wrong(make_outcomes: Any) -> None:
    """Decisions without log-likelihoods: invalid answers are counted, wrong, and in their own column."""
    outcomes = make_outcomes([0, 0, 1, 2, -1], [0, -1, 1, -1, -1])
    scores = evaluate_decisions(outcomes, metrics=["accuracy"], train_label_counts=None)
    assert (scores.rule, scores.n, scores.unlabelled, scores.invalid) == ("generated", 4, 1, 2)
    assert scores.metrics["accuracy"].value == 0.5
    assert [row[-1] for row in scores.confusion] == [1, 0, 1]
    assert (scores.calibration, scores.near_ties, scores.rules) == (None, None, {})
    json.dumps(scores.to_json(), allow_nan=False)


def test_wrong_settings_are_errors(rows: Any) -> None:
    """Unknown metric or rule, a rule without scores, and rows without any gold are errors."""
    with pytest.raises(SpecError, match="macro_f1"):
        _evaluate(rows, metrics=["makro_f1"])
    with pytest.raises(SpecError, match="no decision rule"):
        _evaluate(rows, rule="best")
    for row in rows:
        row["premise_nats"] = None
    assert "pmi" not in _evaluate(rows).rules
    with pytest.raises(RunError, match="pmi"):
        _evaluate(rows, rule="pmi")
    for row in rows:
        row["gold"] = None
    with pytest.raises(DataError, match="none of the 40 rows has a gold label"):
        _evaluate(rows)


def test_the_room_opens_without_heavy_imports() -> None:
    """Importing the room loads neither torch nor scikit-learn, datasets, evaluate, scipy or pandas."""
    heavy = "{'torch', 'sklearn', 'datasets', 'evaluate', 'scipy', 'pandas', 'transformers'}"
    code = f"import sys, promptsci.score; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
