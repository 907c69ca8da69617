"""Claims about promptsci's metrics as modules of the evaluate library."""

from __future__ import annotations

import numpy as np
import pytest

from promptsci.errors import SpecError
from promptsci.score.evaluate_modules import MODULES, module_path
from promptsci.score.metrics import METRICS, metric_named
from promptsci.score.outcomes import Outcomes

pytestmark = pytest.mark.usefixtures("evaluate_cache", "no_network")

GOLD = np.array([0, 0, 1, 1, 2, 2, 2, 0])
PREDICTED = np.array([0, 1, 1, 1, 2, -1, 0, 0])


def _outcomes(labels: str) -> Outcomes:
    return Outcomes(tuple(labels), GOLD, PREDICTED, np.zeros(len(GOLD), dtype=bool))


@pytest.mark.parametrize("name", MODULES)
def test_modules_load_offline_and_equal_the_metrics(name: str) -> None:
    """Each module loads from its folder without a network and gives the metric of the same name."""
    import evaluate

    module = evaluate.load(str(module_path(name)), keep_in_memory=True)
    settings = {"labels": [0, 1, 2, 3]} if name.endswith("_f1") else {}
    found = module.compute(predictions=PREDICTED.tolist(), references=GOLD.tolist(), **settings)
    assert found == {name: pytest.approx(METRICS[name].point(_outcomes("ABCD")))}


def test_labels_by_default_are_those_that_occur() -> None:
    """Without labels the module averages over positions that occur, never over the invalid one."""
    import evaluate

    module = evaluate.load(str(module_path("macro_f1")), keep_in_memory=True)
    found = module.compute(predictions=PREDICTED.tolist(), references=GOLD.tolist())
    assert found["macro_f1"] == pytest.approx(METRICS["macro_f1"].point(_outcomes("ABC")))


def test_some_labels_give_the_stance_metric() -> None:
    """macro_f1 over some labels is mean_f1 of them."""
    import evaluate

    module = evaluate.load(str(module_path("macro_f1")), keep_in_memory=True)
    found = module.compute(predictions=PREDICTED.tolist(), references=GOLD.tolist(), labels=[1, 2])
    assert found["macro_f1"] == pytest.approx(metric_named("mean_f1:B,C", "ABC").point(_outcomes("ABC")))


def test_every_standard_metric_is_a_module() -> None:
    """The modules are the standard metrics, and a wrong name is answered."""
    assert set(MODULES) == set(METRICS)
    with pytest.raises(SpecError, match="Did you mean 'macro_f1'"):
        module_path("macro-f1")
