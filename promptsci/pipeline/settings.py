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
        pool_rows: how many of its rows may be shown, a stratified sample; None is all.
        seed: of shots.
        limit: rows to score, a stratified sample, the same for every seed and method.
        format: plain, chat or chat-one-turn.
        dtype: precision of the weights.
        rule: the decision rule of the headline figures.
        sharing: whether prefixes are shared.
        verify: rows scored again one by one.
        adapter: folder of an adapter, as PEFT writes it; None scores with the base weights.
        option_order: 0 leaves the options of a row as they stand in the data; each number above is another order.
        thresholds: folder of a finished run whose rows say from which probability on each label is answered.
        constrain: whether a written answer can be nothing but JSON that follows the task's schema.
        unlabelled: whether rows of which none has a label will do: they are to be answered, not judged.
        perturb: how the rows are asked otherwise: typos, case, citations, order or wording; None asks them as they are.
    """

    task: str
    template: str | None = None
    model: str = DEFAULT_MODEL
    data: str | None = None
    split: str = "test"
    shots: int = 0
    choose: str | None = None
    pool: str | None = None
    pool_rows: int | None = None
    seed: int = 0
    limit: int | None = None
    format: Format | None = None
    dtype: str = "auto"
    rule: str | None = None
    sharing: bool = True
    verify: int = 4
    pack_tokens: int | None = None
    adapter: str | None = None
    trust_remote_code: bool = False
    constrain: bool = False
    thresholds: str | None = None
    option_order: int = 0
    unlabelled: bool = False
    perturb: str | None = None


def method_name(shots: int, choose: str, tuned: str | None = None) -> str:
    """The row of a comparison: ``zero-shot``, ``8-shot``, ``8-shot-similar``, ``lora``, ``lora-8-shot``."""
    if not shots:
        return tuned or "zero-shot"
    prompted = f"{shots}-shot-{choose}" if choose.startswith("similar") else f"{shots}-shot"
    return f"{tuned}-{prompted}" if tuned else prompted


Result = dict[str, Any]
"""What ``run --json`` prints."""
