"""How lm-evaluation-harness gets its answers: it scores choices, or has the answer written and compares it as text.

Source: lm_eval/api/task.py, filters/extraction.py and api/metrics.py of lm-evaluation-harness 0.4.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptsci.data import Example
from promptsci.errors import SpecError
from promptsci.prompt import GAP, Assembler
from promptsci.spec import Task, Template

ANSWERS, GOLD, TARGET = (f"promptsci_{part}" for part in ("answers", "gold", "target"))
SCORED = ("label", "options")
METRICS = {"label": {"accuracy": "acc"}, "options": {"accuracy": "acc"}}
"""Form -> our metric -> the harness's own one."""
NO_METRIC = {
    "spans": "it has no metric that reads spans in JSON",
    "record": "it has no metric that reads JSON",
    "relevance": "it has no metric over the documents of a query",
}
"""Form -> why the harness cannot judge it."""


def check_exportable(task: Task, template: Template) -> None:
    """Nothing when the harness can judge the task in this wording.

    Raises:
        SpecError: it cannot, with the reason.
    """
    why = NO_METRIC.get(task.form)
    if template.front.numbers:
        why = "it has no metric for numbers that are weighed by the probabilities of choices"
    if why is not None:
        what = f"this {task.kind} task cannot be exported to lm-eval: {why}"
        raise SpecError(what, where=str(template.path), fix="Run it here: promptsci run.")


def answer_columns(example: Example, assembler: Assembler) -> dict[str, Any]:
    """The columns of a row that hold its answers and which of them is right, or the text of the right one."""
    if assembler.template.writes(assembler.task):
        return {TARGET: assembler.target(example)}
    return {
        ANSWERS: list(assembler.targets(example)),
        GOLD: assembler.names(example).index(str(example.gold)),
    }


def answer_config(task: Task, template: Template) -> dict[str, Any]:
    """What the YAML says of the answers, but for the choices themselves."""
    if not template.writes(task):
        metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")]
        return {"output_type": "multiple_choice", "doc_to_target": GOLD, "metric_list": metrics}
    # In plain text a blank line ends an answer, as it does here.
    until = list(dict.fromkeys([*template.front.stop, GAP]))
    return {
        "output_type": "generate_until",
        "doc_to_target": TARGET,
        "generation_kwargs": {"until": until, "max_gen_toks": template.front.max_tokens, "do_sample": False},
        # The answer begins with the space that stands before it in a prompt.
        "filter_list": [
            {"name": "answer", "filter": [{"function": "remove_whitespace"}, {"function": "take_first"}]},
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }


def answer_notes(task: Task, template: Template) -> list[str]:
    """What of the judgement cannot be carried over, item by item."""
    known: Mapping[str, str] = METRICS.get(task.form, {})
    lost = [metric for metric in task.metrics if metric not in known]
    notes = []
    if template.writes(task):
        notes.append("answers are compared letter by letter (exact_match); the forms of answers are read here alone")
    else:
        notes.append(
            "decision rule: the harness decides by the sum of log-likelihoods (acc) or per character (acc_norm); "
            "rules that calibrate (pmi, contextual, batch) stay here"
        )
    if task.references is not None:
        notes.append("references: an answer is compared with the first alone")
    if lost:
        notes.append(f"metrics: {', '.join(lost)}; the harness has no such metric without code")
    return notes
