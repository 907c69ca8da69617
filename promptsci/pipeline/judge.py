"""From a finished Run on disk to its scores and its result; no model is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptsci.pipeline.ready import Ready
from promptsci.pipeline.settings import Result
from promptsci.runs import RunFolder
from promptsci.score import Wanted, judge_rows

ASKED = ("task", "template", "model", "adapter", "data", "split", "method", "shots", "choose", "pool", "seed", "format")
FEW_ROWS = 30
DESCRIBED = ("integrity", "model_description", "versions")
SOMETIMES = ("training", "rule_because", "option_order")
"""What only a run says that learned from labelled rows, or that asked a model."""


def judge(prepared: Ready, folder: RunFolder) -> Result:
    """The result of a finished run: decisions written to its rows, scores.json written, all from what is on disk."""
    rule = prepared.rule
    record = folder.read_run()
    pool = prepared.integrity.splits.get(prepared.pool_name)
    wanted = Wanted(prepared.metrics, rule, pool.labels if pool else None)
    judgement = judge_rows(folder.rows(), prepared.facts, wanted)
    facts = prepared.facts.to_json()
    if judgement.decisions and (record.get("rule"), record["facts"], record["state"]) != (rule, facts, "done"):
        folder.finish(list(judgement.decisions), judgement.decisions)
    stored = judgement.scores.to_json()
    if "rule_because" in record:  # a method for which the other rules make no sense
        stored["rules"] = {name: metrics for name, metrics in stored["rules"].items() if name == rule}
    folder.write_scores(stored)
    if record["state"] != "done":
        record["warnings"] = [*record["warnings"], *_dropped_shots(record, folder)]
    folder.write_run({**record, "rule": rule, "facts": facts, "state": "done"})
    return read_result(folder)


def _dropped_shots(record: Mapping[str, Any], folder: RunFolder) -> list[str]:
    dropped = [row["shots_dropped"] for row in folder.rows() if row["shots_dropped"]]
    if not dropped:
        return []
    context, shots, n_rows = record["model_description"]["context"], record["shots"], record["rows"]
    return [
        f"the context of {context:,} tokens is too short for {shots} shots in {len(dropped)} of {n_rows} rows; "
        f"there {sum(dropped)} shots in all are left out, the farthest first"
    ]


def _few_rows(scores: Mapping[str, Any]) -> list[str]:
    """Why a rule that is fitted on the scored inputs should not be trusted on so few."""
    n = scores["n"] + scores["unlabelled"]
    if scores["rule"] != "batch" or n >= FEW_ROWS:
        return []
    return [f"the batch rule is fitted on the {n} scored inputs, which are few; see the other rules, or use --rule sum"]


def read_result(folder: RunFolder) -> Result:
    """What ``run --json`` prints, from what is on disk alone."""
    record, scores = folder.read_run(), folder.read_scores()
    return {
        **{name: record[name] for name in ASKED},
        **scores,
        **record["cost"],
        **{name: record[name] for name in DESCRIBED},
        **{name: record[name] for name in SOMETIMES if name in record},
        **{name: value for name, value in record["facts"].items() if name == "thresholds"},
        "warnings": [*record["warnings"], *_few_rows(scores)],
        "run_dir": str(folder.path),
    }
