"""What tune.json says of a tuning before its first step."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from promptsci.pipeline.record import is_data_path, lasting, lasting_settings, versions
from promptsci.pipeline.tuning import PreparedTune, started_from

if TYPE_CHECKING:
    from promptsci.tune.memory import Need


def dtype_of(prepared: PreparedTune) -> str:
    """Precision of the weights in training: all that learn are float32, frozen ones may be shorter."""
    import torch

    from promptsci.lm.load import pick_dtype

    if prepared.recipe.method == "full":
        return "float32"
    picked = pick_dtype(prepared.settings.run.dtype, "cuda" if torch.cuda.is_available() else "cpu")
    # Gradients in float16 become zero or infinite where bfloat16's do not.
    return "float32" if picked == "float16" else picked


def lasting_tune(prepared: PreparedTune) -> dict[str, Any]:
    """The settings, with every path written so that it holds from any folder."""
    settings = prepared.settings
    first, *others = (lasting_settings(one.run) for one in prepared.subjects)
    stored = {**asdict(settings), "run": first, "also": others}
    is_path = {name: getattr(settings, name) is not None for name in ("recipe", "start")}
    return lasting(stored, {**is_path, "new": is_data_path(settings.new, prepared.run.task)})


def tune_record(prepared: PreparedTune, needs: Need) -> dict[str, Any]:
    """The part of tune.json that is known before the first step."""
    run = prepared.run
    return {
        "format_version": 1,
        "name": prepared.name,
        "task": prepared.title,
        "tasks": [one.name for one in prepared.subjects],
        "template": run.template.name,
        "model": {"name": run.model.name, "sha256": run.model.sha256, "origin": run.model.origin},
        "method": prepared.recipe.method,
        "format": run.format,
        "recipe": prepared.recipe.model_dump(),
        "rule": prepared.rule,
        "settings": lasting_tune(prepared),
        "identity": prepared.identity(),
        "from": started_from(prepared),
        "after": prepared.earlier.to_json() if prepared.earlier else None,
        "train_rows": len(prepared.learned),
        "validation_rows": len(prepared.validation),
        "carved": prepared.carved,
        "memory": needs.to_json(),
        "dtype": dtype_of(prepared),
        "versions": versions(),
        "notes": list(prepared.notes),
        **({"augmented": prepared.augmented.to_json()} if prepared.augmented else {}),
    }
