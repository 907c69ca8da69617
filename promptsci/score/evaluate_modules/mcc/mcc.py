"""The multiclass Matthews correlation of gold and decision, as a module of the evaluate library."""

from __future__ import annotations

import datasets
import evaluate
from sklearn.metrics import matthews_corrcoef

_INPUTS = """
Args:
    predictions: decided labels as positions in the task's labels; -1 is an invalid answer, which is wrong.
    references: right labels as positions.

Returns:
    mcc: the multiclass Matthews correlation of gold and decision.
"""


class Mcc(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """The multiclass Matthews correlation of gold and decision."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="The multiclass Matthews correlation of gold and decision, computed by scikit-learn.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({key: datasets.Value("int64") for key in ("predictions", "references")}),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        return {"mcc": float(matthews_corrcoef(references, predictions))}
