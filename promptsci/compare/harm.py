"""Whether new weights do harm where old ones stood: a one-sided paired test on the same rows, with a margin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from promptsci.compare.change import paired
from promptsci.compare.differences import POWER
from promptsci.compare.paired import RESAMPLES, Stack, resampled_runs
from promptsci.runs import RunFolder

ALPHA = 0.05


@dataclass(frozen=True)
class Harm:
    """What a paired test says of new against old weights; of all differences more is better.

    Harm is shown when even the upper end of the one-sided interval of the difference lies below minus the margin.

    Attributes:
        metric: by which the task is judged.
        n: rows.
        old: score of the old weights.
        new: score of the new ones.
        change: new minus old.
        upper: end of the one-sided paired bootstrap interval of the change, at level 1 - alpha.
        margin: how much may be lost.
        alpha: probability of calling it harm where no more than the margin is lost.
        shown: whether harm is.
        smallest: the loss that so many rows would have shown as harm, with power 0.8.
    """

    metric: str
    n: int
    old: float
    new: float
    change: float
    upper: float
    margin: float
    alpha: float
    shown: bool
    smallest: float

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def harm(old: RunFolder, new: RunFolder, *, margin: float = 0.0, alpha: float = ALPHA, seed: int = 0) -> Harm:
    """What a paired test says of two finished Runs on the same rows.

    Args:
        old: the Run with the old weights.
        new: the Run with the new ones.
        margin: how much of the metric may be lost.
        alpha: of the test.
        seed: of the resamples.

    Raises:
        RunError: they stand on other rows, or the metric is computed from whole rows.

    Source:
        Percentile bootstrap: Efron and Tibshirani 1993, chapter 13; a margin as in tests of non-inferiority, from the
        other side: Piaggio et al. 2012, JAMA 308, 2594-2604.
    """
    runs, metric = paired(old, new)
    stack = Stack.of([[run.family(metric).only(metric)] for run in runs])
    sign = 1.0 if runs[0].metrics[metric].higher_is_better else -1.0
    before, after = (float(value) for value in stack.observed()[metric])
    drawn = resampled_runs(stack, resamples=RESAMPLES, seed=seed)[metric]
    changes = sign * (drawn[:, 1] - drawn[:, 0])
    upper = float(np.quantile(changes, 1 - alpha))
    normal = NormalDist()
    spread = (normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)) * float(changes.std())
    change = sign * (after - before)
    return Harm(
        metric, len(runs[0]), before, after, change, upper, margin, alpha, upper < -margin, margin + spread
    )  # fmt: skip
