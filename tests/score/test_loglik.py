"""Claims about reading log-likelihoods from prediction rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from promptsci.errors import RunError
from promptsci.score.loglik import from_rows

LABELS = ("Background", "Uses", "Future")


def test_arrays_hold_what_the_rows_say(make_rows: Any) -> None:
    """Sums, lengths, gold and references stand at the row's and label's place, through JSON and back."""
    rows = [json.loads(json.dumps(row)) for row in make_rows(5)]
    rows[3]["gold"] = None
    read = from_rows(rows, LABELS)
    assert len(read) == 5
    assert read.ids == tuple(row["id"] for row in rows)
    assert read.gold[3] == -1
    for i, row in enumerate(rows):
        assert read.seen[i] == row["seen"]
        for c, label in enumerate(LABELS):
            assert read.sum_nats[i, c] == pytest.approx(sum(row["nats"][label]))
            assert read.n_tokens[i, c] == len(row["nats"][label])
            assert read.premise_nats is not None
            assert read.premise_nats[i, c] == pytest.approx(sum(row["premise_nats"][label]))
            assert read.content_free_nats is not None
            for k in range(3):
                assert read.content_free_nats[i, k, c] == pytest.approx(sum(row["content_free_nats"][k][label]))


def test_label_order_is_the_tasks_not_the_rows(make_rows: Any) -> None:
    """Asking for another label order permutes the last axis and nothing else."""
    rows = make_rows(6)
    plain, turned = from_rows(rows, LABELS), from_rows(rows, LABELS[::-1])
    np.testing.assert_array_equal(plain.sum_nats, turned.sum_nats[:, ::-1])
    np.testing.assert_array_equal(2 - plain.gold, turned.gold)


@pytest.mark.parametrize("missing", [None, [], "absent"])
def test_without_references_there_are_none(make_rows: Any, missing: Any) -> None:
    """Runs that stored no premise or content-free scores read as None, however that is written."""
    rows = make_rows(3)
    for row in rows:
        for key in ("premise_nats", "content_free_nats"):
            if missing == "absent":
                del row[key]
            else:
                row[key] = missing
    read = from_rows(rows, LABELS)
    assert read.premise_nats is None
    assert read.content_free_nats is None


def _drop(row: dict[str, Any], *path: Any) -> None:
    for step in path[:-1]:
        row = row[step]
    del row[path[-1]]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: _drop(rows[1], "id"), "prediction 2 has no id"),
        (lambda rows: rows[2].update(id="test-0"), "predictions 1 and 3 have the same id 'test-0'"),
        (lambda rows: _drop(rows[1], "nats"), "'test-1' has no log-likelihoods"),
        (lambda rows: _drop(rows[1], "nats", "Uses"), "'test-1' has no log-likelihoods for the label 'Uses'"),
        (lambda rows: rows[1]["nats"].update(Uses=[]), "'test-1' has no log-likelihoods for the label 'Uses'"),
        (lambda rows: rows[1]["nats"].update(Use=[-1.0]), "scores 'Use', which the task does not list"),
        (lambda rows: rows[1]["nats"].update(Uses=[float("nan")]), "for 'Uses' that is nan"),
        (lambda rows: rows[1]["nats"].update(Uses=[float("-inf")]), "for 'Uses' that is -inf"),
        (lambda rows: rows[1].update(gold="uses"), "gold label 'uses'"),
        (lambda rows: rows[1].update(premise_nats=None), "premise_nats is stored for 2 of 3 predictions only"),
        (lambda rows: rows[1]["content_free_nats"].pop(), "predictions have 2 to 3 content-free inputs"),
        (lambda rows: _drop(rows[1], "content_free_nats", 2, "Uses"), "content-free input 2 of 'test-1'"),
        (lambda rows: rows.clear(), "no predictions"),
    ],
)
def test_damaged_rows_are_named(make_rows: Any, damage: Any, message: str) -> None:
    """A row that cannot be scored is an error that names the row and the label, never a guess."""
    rows = make_rows(3)
    damage(rows)
    with pytest.raises(RunError, match=message):
        from_rows(rows, LABELS)
