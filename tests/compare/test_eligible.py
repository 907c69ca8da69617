"""Claims about which Runs may stand in one table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from promptsci.compare import Question, compare
from promptsci.compare.eligible import share
from promptsci.errors import RunError


def test_same_rows_in_any_order_are_the_same_rows(maker: Any) -> None:
    """A Run whose rows stand in another order is put in the order of the first, and its metrics do not change."""
    one = maker.candidate(draw=1)
    turned = maker.candidate(draw=1, rows=list(range(60))[::-1])
    shared = share([one, turned])
    assert shared.runs[1].judged.ids == one.judged.ids
    np.testing.assert_array_equal(shared.runs[1].judged.families[0].table, one.judged.families[0].table)
    assert shared.notes == ()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"identity": {"data": {"test": "ff" * 32}}}, "read different data"),
        ({"metrics": ["mcc"]}, "judged by different metrics"),
        ({"rows": range(40)}, "stand on different rows"),
        ({"ids": [f"other-{row}" for row in range(60)]}, "stand on different rows"),
        ({"split": "validation", "identity": {"data": {"validation": "ab" * 32}}}, "scored on different splits"),
    ],
)
def test_different_rows_data_or_metrics_are_refused(maker: Any, record: dict[str, Any], message: str) -> None:
    """The error says what differs, between which Runs, and what to type; --on-shared is offered."""
    runs = [maker.candidate(), maker.candidate(), maker.candidate("8-shot", **record)]
    with pytest.raises(RunError, match=message) as refused:
        share(runs)
    assert "promptsci compare 00000001 00000002" in str(refused.value.fix)
    assert "--on-shared" in str(refused.value.fix)
    assert runs[2].name in refused.value.what


def test_the_same_rows_by_another_path_are_the_same_data(maker: Any) -> None:
    """Data are told apart by what is in them: a relative and an absolute path to one file stand in one table."""
    other = {"source": "../elsewhere", "origin": "../elsewhere", "revision": None, "about": None}
    shared = share([maker.candidate(), maker.candidate("8-shot", data=other)])

    assert len(shared.runs) == 2
    assert shared.notes == ()


def test_on_shared_takes_the_common_rows_and_says_so(maker: Any) -> None:
    """Runs over different rows are compared on those that all have, with the values of these rows alone."""
    whole, part = maker.candidate(draw=1), maker.candidate("8-shot", rows=range(20, 60))
    found = compare([whole, part], Question(on_shared=True, resamples=50, exchanges=99))
    assert found.n == 40
    assert any("only rows that all of them have" in note for note in found.notes)
    alone = compare([maker.candidate(draw=1, rows=range(20, 60))], Question(resamples=50, exchanges=99))
    by_name = {method.name: method for method in found.methods}
    assert by_name["zero-shot"].metrics == alone.methods[0].metrics


def test_rows_with_another_gold_answer_are_left_out(maker: Any) -> None:
    """When data differ, a row whose gold answer changed says nothing of the methods: left out, and counted."""
    one = maker.candidate()
    maker.gold = maker.gold.copy()
    maker.gold[:3] = (maker.gold[:3] + 1) % 3
    other = maker.candidate("8-shot", identity={"data": {"test": "ff" * 32}})
    shared = share([one, other], on_shared=True)
    assert len(shared.runs[0].judged) == 57
    assert any("3 rows are left out" in note for note in shared.notes)


def test_other_questions_are_refused_always(maker: Any) -> None:
    """Another task, other labels, or no shared row cannot be compared at all."""
    one = maker.candidate()
    for record, message in (({"task": "moods"}, "different tasks"),):
        with pytest.raises(RunError, match=message):
            share([one, maker.candidate(**record)], on_shared=True)
    with pytest.raises(RunError, match="no run to compare"):
        share([])
    with pytest.raises(RunError, match="share no row"):
        share([one, maker.candidate(ids=[f"o{row}" for row in range(60)])], on_shared=True)


def test_unknown_kind_and_unfinished_runs_are_errors(maker: Any) -> None:
    """A kind that has no reader, and a Run without predictions, are named."""
    with pytest.raises(RunError, match="kind 'painting'"):
        maker.candidate(kind="painting")
    folder = maker.run()
    (folder / "predictions.jsonl").unlink()
    from promptsci.compare import read_candidate
    from promptsci.runs import RunFolder

    with pytest.raises(RunError, match="not finished"):
        read_candidate(RunFolder(folder))
