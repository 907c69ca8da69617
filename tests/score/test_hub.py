"""Claims about metrics of the evaluate library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from promptsci.errors import DataError, SpecError
from promptsci.score import evaluate_decisions
from promptsci.score.hub import load_hub_metric

pytestmark = pytest.mark.usefixtures("evaluate_cache", "no_network")

SCRIPT = '''"""Cohen's kappa."""
import datasets
import evaluate
from sklearn.metrics import cohen_kappa_score

class Kappa(evaluate.Metric):
    def _info(self):
        features = {"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}
        return evaluate.MetricInfo("kappa", "", datasets.Features(features), inputs_description="positions")

    def _compute(self, predictions, references, weights=None):
        return RESULT
'''
KAPPA = '{"kappa": cohen_kappa_score(references, predictions, weights=weights), "note": "text"}'


def _script(folder: Path, name: str, result: str = KAPPA, head: str = "") -> str:
    path = folder / name / f"{name}.py"
    path.parent.mkdir()
    path.write_text(head + SCRIPT.replace("RESULT", result), encoding="utf-8")
    return str(path)


def test_a_local_script_is_a_metric(tmp_path: Path, make_outcomes: Any) -> None:
    """A metric script given by path computes on class positions, settings included, inside the evaluator."""
    path = _script(tmp_path, "kappa")
    gold, predicted = np.array([0, 1, 2, 2, 1, 0]), np.array([0, 2, 2, -1, 1, 0])
    plain = load_hub_metric(path, trust_remote_code=True)
    squared = load_hub_metric(f"{path}?weights=quadratic", trust_remote_code=True)
    assert plain.point(make_outcomes(gold, predicted)) == pytest.approx(cohen_kappa_score(gold, predicted))
    assert squared.point(make_outcomes(gold, predicted)) == pytest.approx(
        cohen_kappa_score(gold, predicted, weights="quadratic")
    )
    scores = evaluate_decisions(make_outcomes(gold, predicted), metrics=[plain], train_label_counts=None)
    found = scores.metrics[f"hub:{path}"]
    assert scores.main == f"hub:{path}"
    assert found.low <= found.value <= found.high


def test_a_folder_is_a_metric_too(tmp_path: Path, make_outcomes: Any) -> None:
    """The folder that holds a script of its own name does as well."""
    folder = str(Path(_script(tmp_path, "kappa_too", KAPPA.replace('"kappa"', '"kappa_too"'))).parent)
    metric = load_hub_metric(folder, trust_remote_code=True)
    assert metric.point(make_outcomes([0, 1], [0, 1])) == 1.0


def test_strangers_code_needs_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script, somebody's Hub metric, or a folder that poses as a Hub name runs only when trusted."""
    path = _script(tmp_path, "accuracy", head='raise SystemExit("this ran")\n')
    monkeypatch.chdir(tmp_path)
    for name in (path, "someone/metric", "accuracy"):
        with pytest.raises(SpecError, match="runs Python that is not Hugging Face's own"):
            load_hub_metric(name)


def test_without_network_the_error_says_so() -> None:
    """A Hub metric that cannot be fetched is one clear error, not a traceback of the library."""
    with pytest.raises(DataError, match="neither on this disk nor to be had from the Hugging Face Hub"):
        load_hub_metric("no_such_metric_anywhere")


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """A script whose import is not installed says which."""
    path = _script(tmp_path, "needy", head="import no_such_package_at_all\n")
    with pytest.raises(SpecError, match="no_such_package_at_all"):
        load_hub_metric(path, trust_remote_code=True)


@pytest.mark.parametrize(
    ("name", "result", "message"),
    [
        ("two_numbers", '{"a": 1.0, "b": 2.0}', "one number named 'two_numbers' and gives: a, b"),
        ("no_number", '{"a": "text"}', "gives: none"),
        ("nothing", "None", "gives: none"),
        ("refuses", "[][weights]", "cannot be computed"),
    ],
)
def test_results_that_are_not_one_number_are_errors(
    tmp_path: Path, make_outcomes: Any, name: str, result: str, message: str
) -> None:
    """A metric that gives no number, or several without one of its own name, is an error that says what it gave."""
    metric = load_hub_metric(_script(tmp_path, name, result), trust_remote_code=True)
    with pytest.raises(DataError, match=message):
        metric.point(make_outcomes([0, 1], [0, 1]))
