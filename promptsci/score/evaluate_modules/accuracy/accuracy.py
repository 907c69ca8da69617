"""Right rows over all rows, as a module of the evaluate library."""

from __future__ import annotations

import datasets
import evaluate
from sklearn.metrics import accuracy_score

_INPUTS = """
Args:
    predictions: decided labels as positions in the task's labels; -1 is an invalid answer, which is wrong.
    references: right labels as positions.

Returns:
    accuracy: right rows over all rows.
"""


class Accuracy(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """Right rows over all rows."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Right rows over all rows, computed by scikit-learn.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({key: datasets.Value("int64") for key in ("predictions", "references")}),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        return {"accuracy": float(accuracy_score(references, predictions))}
