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
from promptsci.tune import Fitted


def _tokens(computed: int) -> dict[str, int]:
    """Every token is computed once for each row that has it, whatever rows share."""
    return dict.fromkeys(("computed", "distinct", "unshared"), computed)


def classifier_folder(prepared: PreparedClassifier, root: Path) -> RunFolder:
    """Where this run stands on disk: the same for the same identity."""
    limit = prepared.settings.limit
    parts = [
        prepared.method,
        prepared.template.name.rpartition("/")[2] if prepared.template else "",
        prepared.model.name if prepared.model else "",
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
    folder.write_run({**record, "state": "running", "cost": cost(earlier, _tokens(0), {})})
    start = time.perf_counter()
    try:
        fitted = prepared.classifier.fit(prepared.lessons, folder.path)
    except BaseException:
        spent = {"train": time.perf_counter() - start}
        folder.write_run({**record, "state": "interrupted", "cost": cost(earlier, _tokens(0), spent)})
        raise
    fitted_at = time.perf_counter()
    with folder.appending() as writer:
        for row in _rows(prepared, fitted):
            if row["id"] not in done:
                writer.write(row)
                watcher.advance(1, 0)
    seconds = {"train": fitted_at - start, "score": time.perf_counter() - fitted_at}
    end = {"state": "predicted", "cost": cost(earlier, _tokens(fitted.computed), seconds)}
    folder.write_run({**record, **_learned(prepared, fitted), **end})
    folder.finish([example.id for example in prepared.examples])


def _rows(prepared: PreparedClassifier, fitted: Fitted) -> list[Row]:
    """The lines of predictions.jsonl."""
    texts = [prepared.read(example) for example in prepared.examples]
    return [
        {
            "id": example.id,
            "gold": example.gold,
            "seen": example.id in prepared.seen,
            **answer,
            **({"premise_nats": None, "content_free_nats": []} if "nats" in answer else {}),
            **example.known,
            "prompt_tokens": 0,
            "shots": [],
            "shots_dropped": 0,
            "prompt_sha256": hashlib.sha256(text.encode()).hexdigest()[:16],
        }
        for example, text, answer in zip(prepared.examples, texts, fitted.answers(texts), strict=True)
    ]


def _record(prepared: PreparedClassifier) -> dict[str, Any]:
    """The part of run.json that is known before anything is learned."""
    settings = prepared.settings
    template, model = prepared.template, prepared.model
    is_path = {"task": is_task_path(settings.task), "data": is_data_path(settings.data, prepared.task)}
    if model is not None:
        is_path |= {
            "template": (settings.template or "").endswith(".jinja"),
            "model": model.origin.startswith(("folder ", "GGUF file ")),
        }
    return {
        **common_record(prepared),
        "template": template.name if template else None,
        "model": model.name if model else None,
        "adapter": None,
        "shots": 0,
        "choose": None,
        "format": None,
        "words": {},
        "settings": lasting(asdict(settings), is_path),
        "model_origin": model.origin if model else None,
        "rule_because": RULE_BECAUSE,
        "warnings": list(prepared.notes),
    }


def _learned(prepared: PreparedClassifier, fitted: Fitted) -> Mapping[str, Any]:
    """What is known once the classifier is fitted."""
    return {
        "training": {**fitted.training, "validated_on": prepared.validated_on},
        "model_description": {
            **fitted.backend._asdict(),
            "n_parameters": fitted.training["trainable_parameters"],
            "notes": list(fitted.notes),
        },
        "warnings": [*prepared.notes, *fitted.notes],
    }
