"""Claims about learning from a validation run; its parts have their oracles in tests/score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promptsci.compare.calibrate import calibrate
from promptsci.errors import DataError, RunError
from promptsci.runs import RunFolder


def _pair(maker: Any, **validation: Any) -> tuple[RunFolder, RunFolder]:
    """A run and a validation run on other rows, both three times too sure."""
    ids = [f"validation-{row}" for row in range(len(maker.gold))]
    test = maker.run("8-shot", nats=3 * maker.nats(1.2, 1))
    other = {"split": "validation", "nats": 3 * maker.nats(1.2, 2), "ids": ids, **validation}
    return RunFolder(test), RunFolder(maker.run("8-shot", **other))


def _unlabelled(folder: RunFolder) -> None:
    rows = [json.loads(line) for line in folder.predictions_path.read_text().splitlines()]
    folder.predictions_path.write_text("".join(json.dumps({**row, "gold": None}) + "\n" for row in rows))


def test_what_a_validation_run_teaches(make_maker: Any) -> None:
    """Overconfident answers get a temperature above 1 and better calibration; sets cover; shares are found."""
    test, validation = _pair(make_maker(600))
    found = calibrate(test, validation, error=0.1)
    assert found["temperature"] > 1.5
    assert found["after"]["ece"] < found["before"]["ece"]
    assert found["after"]["nll"] < found["before"]["nll"]
    assert 0.86 <= found["sets"]["coverage"] <= 0.94
    assert found["class_sets"]["by_class"]
    assert found["risk"]["aurc"] >= found["risk"]["best"]
    for share in found["prevalence"].values():
        assert share["ppi"]["low"] - 0.02 <= share["true"] <= share["ppi"]["high"] + 0.02
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_unlabelled_rows_get_what_needs_no_labels(maker: Any) -> None:
    """A run without gold answers still gets a temperature and prevalences; what needs labels is null."""
    test, validation = _pair(maker)
    _unlabelled(test)
    found = calibrate(test, validation)
    assert (found["n"], found["rows"]) == (0, 60)
    assert [found[name] for name in ("before", "after", "risk", "sets", "class_sets")] == [None] * 5
    assert all(share["true"] is None for share in found["prevalence"].values())


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ({"ids": [f"test-{row}" for row in range(60)]}, "60 rows stand in both runs"),
        ({"template": "verdicts/terse"}, "differ in template"),
        ({"adapter": {"name": "a", "sha256": "1"}}, "different adapters"),
        ({"labels": None}, "differ in labels"),
    ],
)
def test_runs_that_cannot_teach_are_refused(maker: Any, validation: dict[str, Any], message: str) -> None:
    """Shared rows, another wording or another adapter is an error that says what to take."""
    with pytest.raises(RunError, match=message):
        calibrate(*_pair(maker, **validation))


def test_a_validation_run_without_labels_is_an_error(maker: Any) -> None:
    """There is nothing to learn from rows without gold answers."""
    test, validation = _pair(maker)
    _unlabelled(validation)
    with pytest.raises(DataError, match="nothing to score"):
        calibrate(test, validation)


def test_few_rows_and_other_seeds_are_said(maker: Any) -> None:
    """Labels with few validation rows, and another seed, are noted."""
    test, validation = _pair(maker, seed=3, rows=range(20))
    notes = " ".join(calibrate(test, validation)["notes"])
    assert "different seeds (0 and 3)" in notes
    assert "fewer than 10 validation rows" in notes


def test_no_model_is_loaded(tmp_path: Path) -> None:
    """The judging rooms' stories import neither torch nor transformers nor scikit-learn."""
    import subprocess
    import sys

    heavy = "{'torch', 'transformers', 'datasets', 'sklearn', 'pandas'}"
    code = f"""import sys, promptsci.compare.calibrate, promptsci.compare.variance
print(sorted({heavy} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_prevalence_of_calls_counts_what_was_called(maker: Any) -> None:
    """The counted shares are those of the decisions in the run."""
    test, validation = _pair(maker)
    rows = [json.loads(line) for line in test.predictions_path.read_text().splitlines()]
    found = calibrate(test, validation)["prevalence"]
    for label in maker.LABELS:
        assert found[label]["counted"] == pytest.approx(np.mean([row["label"] == label for row in rows]))


def test_answers_without_label_probabilities_are_refused(maker: Any) -> None:
    """A run of another kind has no label probabilities to learn from."""
    written = RunFolder(maker.run("8-shot", labels=None)), RunFolder(maker.run("8-shot", labels=None))
    with pytest.raises(RunError, match="one label of a fixed set"):
        calibrate(*written)
