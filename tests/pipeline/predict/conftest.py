"""A labelling of the bundled task's test rows with a scripted language model, in an empty folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptsci.pipeline import LMs, Settings
from promptsci.pipeline.predict import PredictSettings, PreparedPrediction, predict, prepare_prediction, prompt_method
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

TASKS = shipped_root() / "tasks"


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(task: str, split: str = "test") -> list[dict[str, Any]]:
    """The bundled rows of a task."""
    return [json.loads(line) for line in (TASKS / task / f"{split}.jsonl").read_text().splitlines()]


class Labelling:
    """Labels files with a scripted LM."""

    write_lines = staticmethod(write_lines)
    rows_of = staticmethod(rows_of)

    def __init__(self, project: Any, folder: Path) -> None:
        self.project = project
        self.folder = folder

    def prepare(self, lm: Any = None, *, data: Path, out: str = "labels.jsonl", **changes: Any) -> PreparedPrediction:
        """The labelling, prepared; changes of either settings."""
        own = {name: changes.pop(name) for name in ("where", "error", "prior", "overwrite") if name in changes}
        if "first" in changes:
            own["limit"] = changes.pop("first")
        asked = {"task": "citation-intent", "model": str(self.project.model), "shots": 2, "format": "plain"}
        settings = Settings(**{**asked, "split": "validation", **changes})
        lms = LMs(lambda _model, _settings: lm or self.project.LM())
        method = prompt_method(settings, Catalog((Path.cwd(), shipped_root())), lms)
        return prepare_prediction(PredictSettings(str(data), out, **own), method, self.project.root)

    def predict(self, lm: Any = None, *, fresh: bool = False, **asked: Any) -> dict[str, Any]:
        """The summary of a labelling."""
        return predict(self.prepare(lm, **asked), fresh=fresh)


@pytest.fixture
def labelling(project: Any, tmp_path: Path) -> Labelling:
    """Labels files in the current, empty folder."""
    return Labelling(project, tmp_path)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes chunks of so many rows, so that small files have several."""
    from promptsci.data.stream import Stream

    whole = Stream.chunks

    def use(n: int) -> None:
        monkeypatch.setattr(Stream, "chunks", lambda self: whole(self, n))

    return use
