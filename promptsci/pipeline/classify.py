"""The story of a method that reads no prompt: lessons -> classifier -> log-probabilities on disk -> scores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptsci.pipeline.classifier import RULE_BECAUSE, PreparedClassifier
from promptsci.pipeline.judge import judge
from promptsci.pipeline.record import common_record, cost, is_data_path, is_task_path, lasting
from promptsci.pipeline.run import Silent, Watcher, stoppable
from promptsci.pipeline.settings import Result
from promptsci.runs import Row, RunFolder, run_name
from promptsci.score.outcomes import FloatArray
from promptsci.tune import Fitted

NO_TOKENS = {"computed": 0, "distinct": 0, "unshared": 0}


def classifier_folder(prepared: PreparedClassifier, root: Path) -> RunFolder:
    """Where this run stands on disk: the same for the same identity."""
    limit = prepared.settings.limit
    parts = [
        prepared.method,
        "" if prepared.pool_name == "train" else prepared.pool_name,
        prepared.split,
        f"seed{prepared.seed}",
        f"n{limit}" if limit else "",
    ]
    return RunFolder(root / prepared.task.name / run_name(parts, prepared.identity()))


def classify(
    prepared: PreparedClassifier, folder: RunFolder, *, fresh: bool = False, watcher: Watcher | None = None
) -> Result:
    """The result of a run, made now, continued, or found finished in its folder.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        DataError: nothing can be learned from the rows.
        RunError: the folder cannot be written.
    """
    if fresh:
        folder.clear()
    if not folder.is_whole:
        with stoppable(folder):
            _predict(prepared, folder, watcher or Silent())
    return judge(prepared, folder)


def _predict(prepared: PreparedClassifier, folder: RunFolder, watcher: Watcher) -> None:
    """Fits the classifier, writes the rows that are not on disk yet, and puts predictions.jsonl in place."""
    folder.check_idle()
    done = {row["id"] for row in folder.partial_rows()}
    watcher.start(len(prepared.examples), len(done))
    earlier = folder.read_run().get("cost") if folder.exists else None
    record = _record(prepared)
    folder.write_run({**record, "state": "running", "cost": cost(earlier, NO_TOKENS, {})})
    start = time.perf_counter()
    fitted = prepared.classifier.fit(prepared.lessons)
    fitted_at = time.perf_counter()
    with folder.appending() as writer:
        for row in _rows(prepared, fitted):
            if row["id"] not in done:
                writer.write(row)
                watcher.advance(1, 0)
    seconds = {"train": fitted_at - start, "score": time.perf_counter() - fitted_at}
    learned = _learned(prepared, fitted)
    folder.write_run({**record, **learned, "state": "predicted", "cost": cost(earlier, NO_TOKENS, seconds)})
    folder.finish([example.id for example in prepared.examples])


def _rows(prepared: PreparedClassifier, fitted: Fitted) -> list[Row]:
    """The lines of predictions.jsonl; log-probabilities in nats to six decimals."""
    texts = [prepared.read(example) for example in prepared.examples]
    log_probs: FloatArray = fitted.log_probs(texts)
    return [
        {
            "id": example.id,
            "gold": example.gold,
            "seen": example.id in prepared.seen,
            "nats": {label: [round(float(x), 6)] for label, x in zip(prepared.task.labels, nats, strict=True)},
            "premise_nats": None,
            "content_free_nats": [],
            "prompt_tokens": 0,
            "shots": [],
            "shots_dropped": 0,
            "prompt_sha256": hashlib.sha256(text.encode()).hexdigest()[:16],
        }
        for example, text, nats in zip(prepared.examples, texts, log_probs, strict=True)
    ]


def _record(prepared: PreparedClassifier) -> dict[str, Any]:
    """The part of run.json that is known before anything is learned."""
    settings = prepared.settings
    is_path = {"task": is_task_path(settings.task), "data": is_data_path(settings.data, prepared.task)}
    return {
        **common_record(prepared),
        "template": None,
        "model": None,
        "shots": 0,
        "choose": None,
        "format": None,
        "words": {},
        "settings": lasting(asdict(settings), is_path),
        "model_origin": None,
        "rule_because": RULE_BECAUSE,
        "warnings": list(prepared.notes),
    }


def _learned(prepared: PreparedClassifier, fitted: Fitted) -> Mapping[str, Any]:
    """What is known once the classifier is fitted."""
    return {
        "training": {**fitted.training, "validated_on": prepared.validated_on},
        "model_description": {
            **prepared.classifier.backend._asdict(),
            "n_parameters": fitted.training["trainable_parameters"],
            "notes": list(fitted.notes),
        },
        "warnings": [*prepared.notes, *fitted.notes],
    }
