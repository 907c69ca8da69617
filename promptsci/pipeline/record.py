"""What run.json says: settings, data, model, versions, host and cost."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import promptsci
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.ready import Ready
from promptsci.spec import Task

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "numpy", "scikit-learn", "bm25s", "jinja2")


def new_record(prepared: Prepared) -> dict[str, Any]:
    """The part of run.json that is known before the first row is scored."""
    settings = prepared.settings
    return {
        **common_record(prepared),
        "template": prepared.template.name,
        "model": prepared.model.name,
        "adapter": prepared.adapter.to_json() if prepared.adapter else None,
        "training": prepared.card.get("training"),
        "shots": settings.shots,
        "choose": prepared.choose if settings.shots else None,
        "option_order": settings.option_order,
        "format": prepared.format,
        "perturb": settings.perturb,
        "words": prepared.template.words(prepared.task.labels),
        "settings": lasting_settings(prepared),
        "model_origin": prepared.model.origin,
    }


def common_record(prepared: Ready) -> dict[str, Any]:
    """What run.json says of every run, whatever its method."""
    dataset = prepared.dataset
    return {
        "format_version": 1,
        "task": prepared.task.name,
        "data": {
            "source": dataset.source,
            "origin": dataset.origin,
            "revision": dataset.revision,
            "about": dataset.about,
        },
        "split": prepared.split,
        "method": prepared.method,
        "pool": prepared.pool_name,
        "seed": prepared.seed,
        "kind": prepared.task.kind,
        "facts": prepared.facts.to_json(),
        "labels": list(prepared.facts.labels),
        "metrics": list(prepared.task.metrics),
        "rows": len(prepared.examples),
        "catalog": [str(root.absolute()) for root in prepared.catalog.roots],
        "identity": prepared.identity(),
        "integrity": prepared.integrity.to_json(),
        "versions": versions(),
        "host": {"machine": platform.machine(), "system": platform.platform(), "python": platform.python_version()},
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def is_task_path(task: str) -> bool:
    """Whether ``task=`` is a path and no name."""
    return task.endswith((".yaml", ".yml")) or "/" in task


def is_data_path(data: str | None, task: Task) -> bool:
    """Whether ``data=`` is a path and neither a source of the task nor an address."""
    return data not in (None, *task.data) and Path(data or "").expanduser().exists()


def lasting(stored: dict[str, Any], is_path: Mapping[str, bool]) -> dict[str, Any]:
    """Settings with every path written so that it holds from any folder."""
    return stored | {name: str(Path(stored[name]).expanduser().absolute()) for name, yes in is_path.items() if yes}


def lasting_settings(prepared: Prepared) -> dict[str, Any]:
    """The settings, with every path written so that it holds from any folder."""
    settings = prepared.settings
    is_path = {
        "task": is_task_path(settings.task),
        "template": (settings.template or "").endswith(".jinja"),
        "model": prepared.model.origin.startswith(("folder ", "GGUF file ")),
        "adapter": settings.adapter is not None,
        "thresholds": settings.thresholds is not None,
        "data": is_data_path(settings.data, prepared.task),
    }
    return lasting(asdict(settings), is_path)


def versions() -> dict[str, str | None]:
    """Versions of promptsci and of what it computes with; ``git`` is the commit of a checkout."""
    found: dict[str, str | None] = {"promptsci": promptsci.__version__, "git": _git_revision()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _git_revision() -> str | None:
    top = Path(promptsci.__file__).resolve().parent.parent
    if not (top / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(top), "describe", "--always", "--dirty", "--abbrev=40"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def peak_memory_bytes() -> int:
    """The most memory that this process has held, and the GPU for it if there is one."""
    try:
        import resource
    except ImportError:  # Windows counts otherwise
        return 0
    # Linux counts kilobytes, macOS bytes.
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    torch = sys.modules.get("torch")
    device = torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_available() else 0
    return int(host + device)


def cost(earlier: Mapping[str, Any] | None, tokens: Mapping[str, int], seconds: Mapping[str, float]) -> dict[str, Any]:
    """What the run has cost so far, an interrupted beginning included."""
    before = earlier or {"tokens": {}, "seconds": {}, "peak_memory_bytes": 0}
    return {
        # Distinct and unshared tokens are those of the rows asked for, however often the run was taken up again.
        "tokens": {**tokens, "computed": tokens["computed"] + before["tokens"].get("computed", 0)},
        "seconds": {name: round(value + before["seconds"].get(name, 0.0), 3) for name, value in seconds.items()},
        "peak_memory_bytes": max(peak_memory_bytes(), before["peak_memory_bytes"]),
    }
