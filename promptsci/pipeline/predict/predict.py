"""The story of ``predict``: a file of rows -> answers in chunks -> a labelled file, and what can be said of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.data.stream import CHUNK_ROWS, Fingerprint, Stream
from promptsci.data.table import check_ending
from promptsci.errors import DataError
from promptsci.pipeline.predict.answers import Choices, Shape, prior_over, shape_of
from promptsci.pipeline.predict.job import Job, answer_chunk
from promptsci.pipeline.predict.join import join
from promptsci.pipeline.predict.methods import Method
from promptsci.pipeline.predict.settings import PredictSettings
from promptsci.pipeline.predict.summary import said
from promptsci.pipeline.record import peak_memory_bytes
from promptsci.pipeline.run import Silent, Watcher, stoppable
from promptsci.runs import RunFolder, run_name, write_atomically
from promptsci.score.conformal import check_error
from promptsci.score.judged import NEEDS_REFERENCES


@dataclass(frozen=True)
class PreparedPrediction:
    """A labelling that can start.

    Attributes:
        file: what the file is that is labelled.
        job: where answers stand.
        root: the folder of runs.
    """

    settings: PredictSettings
    method: Method
    stream: Stream
    file: Fingerprint
    job: Job
    root: Path

    @property
    def out(self) -> Path:
        """The file to write."""
        return Path(self.settings.out).expanduser()

    @property
    def keeps_references(self) -> bool:
        """Whether the rule needs log-likelihoods behind reference prompts."""
        return self.method.rule in NEEDS_REFERENCES


def prepare_prediction(settings: PredictSettings, method: Method, root: Path) -> PreparedPrediction:
    """The labelling that is asked for, checked before a model is loaded.

    Raises:
        DataError: the file cannot be read, or the one to write may not be written.
    """
    check_error(settings.error)
    source, out = Path(settings.data).expanduser(), Path(settings.out).expanduser()
    check_ending(out)
    if not source.is_file():
        raise DataError("there is no such file", where=settings.data, fix="Give the rows to label as data=FILE.")
    if out.exists() and out.samefile(source):
        raise DataError("the labelled file would take the place of the rows", where=str(out), fix="Name another --out.")
    stream = Stream(source, method.task, settings.where, settings.limit)
    file = stream.fingerprint()
    references = method.rule in NEEDS_REFERENCES
    identity = {
        **method.identity(),
        "rows": {"sha256": file.sha256, "where": dict(settings.where), "limit": settings.limit},
        "chunk": CHUNK_ROWS,
        "references": references,
    }
    about = method.about()
    wording = (about["template"] or "").rpartition("/")[2]
    name = run_name(["predict", about["method"], wording, about["model"] or "", source.stem], identity)
    job = Job(root / method.task.name / name)
    _check_out(out, job, overwrite=settings.overwrite)
    return PreparedPrediction(settings, method, stream, file, job, root)


def _check_out(out: Path, job: Job, *, overwrite: bool) -> None:
    """Nothing when the file to write is new, or was written by this labelling.

    Raises:
        DataError: it is somebody else's.
    """
    if out.exists() and not overwrite and str(out.absolute()) not in job.read().get("outs", ()):
        raise DataError(
            "the file to write is there already, and not by this labelling",
            where=str(out),
            fix="Name another --out, or replace it with --overwrite.",
        )


def predict(
    prepared: PreparedPrediction, *, fresh: bool = False, watchers: tuple[Watcher, Watcher] | None = None
) -> dict[str, Any]:
    """What was written, and what can be said of it; rows that an earlier call has answered are not asked again.

    Args:
        prepared: the labelling.
        fresh: whether earlier answers are forgotten.
        watchers: hear how the labelled rows and the new ones go on.

    Raises:
        Interrupted: stopped; the same command goes on.
        PromptsciError: something cannot be read, loaded or written.
    """
    known_watcher, watcher = watchers or (Silent(), Silent())
    job, method = prepared.job, prepared.method
    if fresh:
        job.clear()
    outs = dict.fromkeys([*job.read().get("outs", ()), str(prepared.out.absolute())])
    job.write({"task": method.task.name, **method.about(), "data": str(prepared.stream.path), "outs": list(outs)})
    start = time.perf_counter()
    with stoppable(RunFolder(job.path)):
        known = method.known_run(prepared.root, known_watcher) if method.known_split else None
        known_s = time.perf_counter() - start
        shape = shape_of(method.task, method.facts, method.rule, known, prepared.settings.error)
        n_new = _answer(prepared, watcher)
        if isinstance(shape, Choices) and method.rule == "batch":
            shape.prior = _prior(prepared, shape)
        answered_s = time.perf_counter() - start
        joined = join(job, prepared.stream, shape, prepared.out, _labels(method, shape))
    seconds = {"known": known_s, "answer": answered_s - known_s, "write": time.perf_counter() - start - answered_s}
    summary = {
        **said(prepared, shape, joined),
        "known_run_dir": str(known.path) if known else None,
        "answered_now": n_new,
        "tokens": {"computed": method.computed()},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(),
    }
    write_atomically(job.path / "summary.json", json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    return summary


def _answer(prepared: PreparedPrediction, watcher: Watcher) -> int:
    """How many rows were asked for the first time."""
    behind = n_new = 0
    is_started = False
    for chunk in prepared.stream.chunks():
        n_rows = len(chunk.records) + chunk.left_out
        if prepared.job.is_whole(chunk.number):
            behind += n_rows
            continue
        if not is_started:
            watcher.start(max(prepared.file.rows, behind), behind)
            is_started = True
        n_before = prepared.job.chunk(chunk.number).count_rows()
        answer_chunk(prepared.job, chunk, prepared.method, references=prepared.keeps_references, watcher=watcher)
        n_new += len(chunk.examples) - n_before
    return n_new


def _prior(prepared: PreparedPrediction, shape: Choices) -> Any:
    if prepared.settings.prior == "validation" and shape.known is not None:
        return shape.known.prior
    return prior_over(prepared.job.all_rows(), prepared.method.facts, prepared.method.rule)


def _labels(method: Method, shape: Shape) -> tuple[str, ...]:
    if not isinstance(shape, Choices):
        return ()
    if shape.known is not None:
        return shape.known.outcomes.labels
    return method.facts.labels
