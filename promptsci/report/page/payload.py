"""The rows as the page's script reads them: compact JSON that cannot break out of its element."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from promptsci.report.page.answers import Answers, RunAnswers
from promptsci.report.page.texts import Texts
from promptsci.score.outcomes import FloatArray

# "<" alone would do: nothing else can end a script element or begin a comment in it.
ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def payload(answers: Answers, texts: Texts) -> dict[str, Any]:
    """All that the explorer shows: answers as positions in ``words``, probabilities in per mille.

    ``right`` is left out where an answer is right if and only if it is the gold word.
    """
    return {
        "words": list(answers.words),
        "labels": answers.labels,
        "ids": list(answers.ids),
        "gold": answers.gold.tolist(),
        "seen": np.flatnonzero(answers.seen).tolist(),
        "fields": list(texts.fields),
        "texts": [list(column) for column in texts.columns],
        "methods": [
            {"name": name, "runs": [_run(run, answers) for run in runs]} for name, runs in answers.methods.items()
        ],
    }


def _run(run: RunAnswers, answers: Answers) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "name": run.name,
        "answer": run.answer.tolist(),
        "sure": _per_mille(run.sure),
        "goldSure": _per_mille(run.gold_sure),
    }
    if run.right is None or bool((run.right != (run.answer == answers.gold)).any()):
        stored["right"] = None if run.right is None else run.right.astype(int).tolist()
    return stored


def _per_mille(shares: FloatArray | None) -> list[int] | None:
    return None if shares is None else np.rint(1000 * shares).astype(int).tolist()


def script_json(value: Mapping[str, Any]) -> Markup:
    """The value as JSON for a ``<script type="application/json">``: no ``<``, no lone surrogate."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(ESCAPES)
    # A lone surrogate is no Unicode text; written out as \udXXX it is valid JSON again.
    return Markup(text.encode("utf-8", "backslashreplace").decode("utf-8"))  # noqa: S704 - escaped above
