"""Plans over many runs: a study makes those that are missing and compares them; a curve does it on growing sets."""

from promptsci.study.curve import Curve, CurvePoint, curve, read_sizes
from promptsci.study.estimate import Speed
from promptsci.study.methods import Asked, begun, known_methods, works
from promptsci.study.study import Outcome, Plan, Step, Study, carry_out, conclude, plan
from promptsci.study.work import Means, Work

__all__ = [
    "Asked",
    "Curve",
    "CurvePoint",
    "Means",
    "Outcome",
    "Plan",
    "Speed",
    "Step",
    "Study",
    "Work",
    "begun",
    "carry_out",
    "conclude",
    "curve",
    "known_methods",
    "plan",
    "read_sizes",
    "works",
]
