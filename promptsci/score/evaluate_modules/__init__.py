"""promptsci's metrics as modules of the ``evaluate`` library, a folder each, for use without promptsci and offline.

``evaluate.load(str(module_path("macro_f1")))`` gives one.
"""

from __future__ import annotations

from pathlib import Path

from promptsci.errors import SpecError, did_you_mean

__all__ = ["MODULES", "module_path"]

MODULES = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "mcc")


def module_path(name: str) -> Path:
    """The folder to hand to ``evaluate.load``.

    Raises:
        SpecError: there is no such module.
    """
    if name not in MODULES:
        raise SpecError(f"there is no evaluate module '{name}'", fix=did_you_mean(name, MODULES))
    return Path(__file__).parent / name
