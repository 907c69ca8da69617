"""The end of a training: the best weights read back from disk, compared, and put in place with a card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.errors import TuneError
from promptsci.lm import read_adapter
from promptsci.lm.four_bit import NF4
from promptsci.pipeline.examine import Examiner, furthest
from promptsci.pipeline.opening import opening_record
from promptsci.pipeline.record import lasting_settings, peak_memory_bytes
from promptsci.pipeline.tuning import PreparedTune, started_from
from promptsci.score import RULES
from promptsci.tune.folder import TuneFolder

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.tune.train import Trained

RELOAD_NATS = {"float32": 1e-5, "bfloat16": 1e-2, "float16": 1e-2}
"""How far weights read from disk may be from those in memory, by what precision they are scored in."""


def training_of(prepared: PreparedTune, trained: Trained) -> dict[str, Any]:
    """What the training cost and what it was, as every Run with these weights repeats it."""
    recipe = prepared.recipe
    files = [path for path in trained.best.glob("*.safetensors") if path.is_file()]
    return {
        "method": recipe.method,
        "objective": recipe.objective,
        "examples": len(prepared.learned),
        "epochs": recipe.epochs,
        "steps": trained.n_steps,
        "best_step": trained.best_step,
        "best_validation": trained.best_metric,
        "seconds": trained.seconds,
        "tokens": trained.tokens,
        "trainable_parameters": trained.trainable,
        "adapter_bytes": sum(path.stat().st_size for path in files),
        "peak_memory_bytes": peak_memory_bytes(),
        "packed": trained.why_padded is None,
        "name": prepared.name,
    }


def check(prepared: PreparedTune, trained: Trained, examiner: Examiner, dtype: str) -> dict[str, float]:
    """How far the weights on disk are from those in memory and from the base, in nats.

    Raises:
        TuneError: they are not those that were trained, or change nothing.
    """
    measured = examiner.folder.read_measured()
    assert measured is not None
    now = examiner.nats(_reload(prepared, trained.best, dtype))
    reload_nats, base_nats = furthest(now, measured["best"]), furthest(now, measured["base"])
    if not reload_nats <= RELOAD_NATS[dtype]:
        raise TuneError(
            f"the weights read back from disk score {reload_nats:.2g} nats away from those in memory",
            where=str(trained.best),
            fix="This is a fault of promptsci or PEFT; please report it with the versions in tune.json.",
        )
    if base_nats <= RELOAD_NATS[dtype]:
        raise TuneError(
            "training changed nothing: the tuned model scores as its base does",
            where=str(trained.best),
            fix="Use a higher rate (lr=...) or more epochs (epochs=...).",
        )
    return {"reload_nats": reload_nats, "base_nats": base_nats, **measured["base_metrics"]}


def _reload(prepared: PreparedTune, path: Path, dtype: str) -> LoadedModel:
    """The tuned model as it stands on disk."""
    from promptsci.lm.adapter import attach
    from promptsci.lm.load import load_model

    if prepared.recipe.method == "full":
        return load_model(path, dtype=dtype, trainable=True)
    base = load_model(
        prepared.run.model.path,
        dtype=NF4 if prepared.settings.run.dtype == NF4 else dtype,
        trust_remote_code=prepared.settings.run.trust_remote_code,
        trainable=True,
    )
    return attach(base, read_adapter(path))


def place(prepared: PreparedTune, folder: TuneFolder, trained: Trained, record: Mapping[str, Any]) -> None:
    """Puts the best weights where they stay, with a card that says what they are.

    Args:
        prepared: the tuning.
        folder: where it stands.
        trained: what became of it.
        record: what tune.json says; ``training`` and ``thresholds`` of it belong to the weights.
    """
    from promptsci.lm.adapter import CARD
    from promptsci.lm.folder import copy_the_rest
    from promptsci.tune.weights import WEIGHTS

    source = folder.path / ".finished"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for path in trained.best.iterdir():
        if path.name in WEIGHTS or path.suffix == ".safetensors":
            shutil.copy2(path, source / path.name)
    if prepared.recipe.method == "full":
        copy_the_rest(prepared.run.model.path, source)
    thresholds = record["thresholds"].get(prepared.lead.name)
    card = {
        "name": prepared.name,
        "method": prepared.recipe.method,
        "rule": next((one.rule for one in prepared.examined if one.rule in RULES), prepared.rule),
        **({"thresholds": dict(thresholds)} if thresholds else {}),
        **_tasks(prepared, record),
        "task": prepared.run.task.name,
        "template": prepared.run.template.name,
        "format": prepared.run.format,
        "base": {
            "name": prepared.run.model.name,
            "sha256": prepared.run.model.sha256,
            "origin": prepared.run.model.origin,
            "model": lasting_settings(prepared.run)["model"],
        },
        "training": dict(record["training"]),
        **opening_record(prepared),
        **({"from": started_from(prepared)} if prepared.start else {}),
        "chain": [link.to_json() for link in prepared.chain(folder.weights)],
        **({"quantised": NF4} if prepared.settings.run.dtype == NF4 else {}),
    }
    (source / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    folder.place(source)


def _tasks(prepared: PreparedTune, record: Mapping[str, Any]) -> dict[str, Any]:
    """Of weights that are for several tasks, which they are and how each is asked and answered."""
    if len(prepared.examined) == 1:
        return {}
    return {
        "tasks": [
            {
                "task": one.name,
                "template": one.run.template.name,
                "format": one.run.format,
                "thresholds": dict(record["thresholds"].get(one.name, {})),
            }
            for one in prepared.examined
        ]
    }
