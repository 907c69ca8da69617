"""The mean of F1 over the labels, weighted by their gold rows, as a module of the evaluate library."""

from __future__ import annotations

import datasets
import evaluate
from sklearn.metrics import f1_score

_INPUTS = """
Args:
    predictions: decided labels as positions in the task's labels; -1 is an invalid answer, which is wrong.
    references: right labels as positions.
    labels: the positions the metric runs over: all labels of the task, or those it is a mean of. One without a gold row
        counts 0; an answer that is none of them (-1) is a miss and no false alarm. By default every position that
        stands in predictions or references, -1 left out.

Returns:
    weighted_f1: the mean of F1 over the labels, weighted by their gold rows.
"""


class WeightedF1(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """The mean of F1 over the labels, weighted by their gold rows."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="The mean of F1 over the labels, weighted by their gold rows, computed by scikit-learn.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({key: datasets.Value("int64") for key in ("predictions", "references")}),
        )

    def _compute(
        self, predictions: list[int], references: list[int], labels: list[int] | None = None
    ) -> dict[str, float]:
        if labels is None:
            labels = sorted({*predictions, *references} - {-1})
        return {
            "weighted_f1": float(f1_score(references, predictions, labels=labels, average="weighted", zero_division=0))
        }
