"""What one run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from promptsci.prompt import Format

DEFAULT_MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Settings:
    """The settings of one run; None stands for what the task or the model says.

    Attributes:
        task: name or path.
        template: wording, ``folder/wording`` or path.
        model: catalogue name, folder, GGUF file or Hub id.
        data: source of the task, path, URL or Hub id.
        split: the rows that are scored.
        shots: how many demonstrations.
        choose: how they are chosen.
        pool: the split they come from.
        seed: of shots and of the sample that ``limit`` takes.
        limit: rows to score, a stratified sample.
        format: plain, chat or chat-one-turn.
        dtype: precision of the weights.
        rule: the decision rule of the headline figures.
        sharing: whether prefixes are shared.
        verify: rows scored again one by one.
        constrain: whether a written answer can be nothing but JSON that follows the task's schema.
    """

    task: str
    template: str | None = None
    model: str = DEFAULT_MODEL
    data: str | None = None
    split: str = "test"
    shots: int = 0
    choose: str | None = None
    pool: str | None = None
    seed: int = 0
    limit: int | None = None
    format: Format | None = None
    dtype: str = "auto"
    rule: str | None = None
    sharing: bool = True
    verify: int = 4
    pack_tokens: int | None = None
    trust_remote_code: bool = False
    constrain: bool = False


def method_name(shots: int, choose: str) -> str:
    """The row of a comparison: ``zero-shot``, ``8-shot``, ``8-shot-similar``."""
    if not shots:
        return "zero-shot"
    return f"{shots}-shot-similar" if choose == "similar" else f"{shots}-shot"


Result = dict[str, Any]
"""What ``run --json`` prints."""
