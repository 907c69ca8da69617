"""The story of ``run``: settings -> prompts -> log-likelihoods on disk -> scores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from promptsci.data import Example
from promptsci.errors import Interrupted
from promptsci.lm import LM, ModelFolder, Nats
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.record import cost, new_record
from promptsci.pipeline.settings import Result, Settings
from promptsci.prompt import Query, Question
from promptsci.runs import RowWriter, RunFolder, run_name
from promptsci.score import DEFAULT_RULE, evaluate, from_rows, outcomes_of

WINDOW_TOKENS = 2_000_000
WINDOW_ROWS = 1_024


class Watcher(Protocol):
    """Hears how a run goes on."""

    def start(self, n_rows: int, n_done: int) -> None:
        """Rows in all, and rows that an earlier call has done."""

    def advance(self, n_rows: int, n_tokens: int) -> None:
        """Rows finished, and tokens that went through the model since the last call."""


class Silent:
    """Hears nothing."""

    def start(self, n_rows: int, n_done: int) -> None:
        """Nothing."""

    def advance(self, n_rows: int, n_tokens: int) -> None:
        """Nothing."""


LoadLM = Callable[[ModelFolder, Settings], LM]


@dataclass
class LMs:
    """Loads language models, each once."""

    load: LoadLM
    loaded: dict[tuple[Any, ...], LM] = field(default_factory=dict)

    def get(self, model: ModelFolder, settings: Settings) -> LM:
        """The LM of a folder under these settings, its counts at zero."""
        key = (model.sha256, settings.dtype, settings.sharing, settings.verify, settings.pack_tokens)
        if key not in self.loaded:
            self.loaded[key] = self.load(model, settings)
        lm = self.loaded[key]
        lm.reset()
        return lm


def load_transformers(model: ModelFolder, settings: Settings) -> LM:
    """The transformers backend on a model folder."""
    from promptsci.lm import Scoring, TransformersLM

    scoring = Scoring(sharing=settings.sharing, verify=settings.verify, pack_tokens=settings.pack_tokens)
    return TransformersLM.load(model.path, dtype=settings.dtype, scoring=scoring, trust_remote_code=settings.trust_remote_code)


def folder_of(prepared: Prepared, root: Path) -> RunFolder:
    """Where this run stands on disk: the same for the same identity."""
    settings = prepared.settings
    wording = prepared.template.name.rsplit("/", 1)[-1]
    parts = [prepared.method, wording, prepared.model.name, prepared.choose if settings.shots else "", settings.split,
             f"seed{settings.seed}", f"n{settings.limit}" if settings.limit else ""]  # fmt: skip
    return RunFolder(root / prepared.task.name / run_name(parts, prepared.identity()))


def run(prepared: Prepared, folder: RunFolder, lms: LMs, *, fresh: bool = False, watcher: Watcher | None = None) -> Result:
    """The result of a run, made now, continued, or found finished in its folder.

    Raises:
        Interrupted: stopped by the keyboard; the same command goes on.
        RunError: the folder cannot be written.
    """
    if fresh:
        folder.clear()
    if not folder.is_whole:
        try:
            _predict(prepared, folder, lms, watcher or Silent())
        except KeyboardInterrupt as error:
            raise Interrupted(f"stopped; what was scored is kept in {folder.path}",
                              fix="Run the same command again; it goes on where it stopped.") from error  # fmt: skip
    return judge(prepared, folder)


def _predict(prepared: Prepared, folder: RunFolder, lms: LMs, watcher: Watcher) -> None:
    """Scores the rows that are not on disk yet and puts predictions.jsonl in place."""
    folder.check_idle()
    earlier = folder.read_run().get("cost") if folder.exists else None
    done = {row["id"] for row in folder.partial_rows()}
    record = new_record(prepared)
    start = time.perf_counter()
    lm = lms.get(prepared.model, prepared.settings)
    loaded = time.perf_counter()

    def save(state: str) -> None:
        spent = {"load": loaded - start, "verify": lm.check_seconds, "score": time.perf_counter() - loaded - lm.check_seconds}
        described = lm.describe().to_json()
        folder.write_run({**record, "state": state, "cost": cost(earlier, lm.tokens.to_json(), spent),
                          "model_description": described, "warnings": _warnings(prepared, lm)})  # fmt: skip

    save("running")
    watcher.start(len(prepared.examples), len(done))
    try:
        with folder.appending() as writer:
            for questions in windows(prepared, prepared.examples):
                _score_window(prepared, lm, questions, done, writer, watcher)
    except BaseException:
        save("interrupted")
        raise
    save("predicted")
    folder.finish([example.id for example in prepared.examples])


def _warnings(prepared: Prepared, lm: LM) -> list[str]:
    found = [*prepared.notes, *lm.describe().notes]
    spanning = prepared.questioner.encoder.spanning
    if spanning:
        found.append(f"a token spans the join of prompt and answer {spanning} times; there the two are tokenised apart")
    return found


def windows(prepared: Prepared, examples: Sequence[Example]) -> Iterator[list[Question]]:
    """Questions, as many at a time as are planned together; memory does not grow with the number of rows."""
    step = 64
    window: list[Question] = []
    n_tokens = 0
    for start in range(0, len(examples), step):
        for question in prepared.questioner.questions(examples[start : start + step]):
            window.append(question)
            n_tokens += question.query.n_prompt_tokens
            if n_tokens >= WINDOW_TOKENS or len(window) == WINDOW_ROWS:
                yield window
                window, n_tokens = [], 0
    if window:
        yield window


def _score_window(
    prepared: Prepared, lm: LM, questions: Sequence[Question], done: set[str], writer: RowWriter, watcher: Watcher
) -> None:
    """Writes each row of the window that is not done, when the last of its queries is scored."""
    if all(question.example.id in done for question in questions):
        return
    queries: list[Query] = []
    numbers: dict[str, int] = {}
    users: list[list[int]] = []
    parts: list[list[int]] = []
    for row, question in enumerate(questions):
        mine = []
        for query in question.queries():
            number = numbers.setdefault(query.text, len(queries))
            if number == len(queries):
                queries.append(query)
                users.append([])
            users[number].append(row)
            mine.append(number)
        parts.append(mine)
    is_done = [question.example.id in done for question in questions]
    known = {number for number, rows in enumerate(users) if all(is_done[row] for row in rows)}
    left = [len(set(mine)) for mine in parts]
    nats: dict[int, Nats] = {}
    counted = lm.tokens.computed
    for scored in lm.score(queries, known):
        nats[scored.index] = scored.nats
        for row in sorted(set(users[scored.index])):
            left[row] -= 1
            if not left[row] and not is_done[row]:
                writer.write(_row(prepared, questions[row], [nats[number] for number in parts[row]]))
                watcher.advance(1, lm.tokens.computed - counted)
                counted = lm.tokens.computed


def _row(prepared: Prepared, question: Question, nats: Sequence[Nats]) -> dict[str, Any]:
    """One line of predictions.jsonl; log-likelihoods in nats to six decimals."""
    labels = prepared.task.labels

    def named(choices: Nats) -> dict[str, list[float]]:
        return {label: [round(value, 6) for value in values] for label, values in zip(labels, choices, strict=True)}

    rest = iter(nats[1:])
    premise = named(next(rest)) if question.premise else None
    return {
        "id": question.example.id,
        "gold": question.example.gold,
        "seen": question.example.id in prepared.seen,
        "nats": named(nats[0]),
        "premise_nats": premise,
        "content_free_nats": [named(each) for each in rest],
        "prompt_tokens": question.query.n_prompt_tokens,
        "shots": [shot.id for shot in question.shots],
        "shots_dropped": question.n_dropped,
        "prompt_sha256": hashlib.sha256(question.query.text.encode()).hexdigest()[:16],
    }


def judge(prepared: Prepared, folder: RunFolder) -> Result:
    """The result of a finished run: decisions written to its rows, scores.json written, all from what is on disk."""
    rule = prepared.settings.rule or DEFAULT_RULE
    logliks = from_rows(folder.rows(), prepared.task.labels)
    record = folder.read_run()
    if (record.get("rule"), record["state"]) != (rule, "done"):
        decided = outcomes_of(logliks, rule).predicted
        names = {row_id: prepared.task.labels[int(i)] for row_id, i in zip(logliks.ids, decided, strict=True)}
        folder.finish(list(names), names)
    pool = prepared.integrity.splits.get(prepared.pool_name)
    scores = evaluate(logliks, metrics=prepared.metrics, rule=rule, train_label_counts=pool.labels if pool else None)
    folder.write_scores(scores.to_json())
    if record["state"] != "done":
        record["warnings"] = [*record["warnings"], *_dropped_shots(record, folder)]
    folder.write_run({**record, "rule": rule, "state": "done"})
    return read_result(folder)


def _dropped_shots(record: Mapping[str, Any], folder: RunFolder) -> list[str]:
    dropped = [row["shots_dropped"] for row in folder.rows() if row["shots_dropped"]]
    if not dropped:
        return []
    context, shots, n_rows = record["model_description"]["context"], record["shots"], record["rows"]
    return [
        f"the context of {context:,} tokens is too short for {shots} shots in {len(dropped)} of {n_rows} rows; "
        f"there {sum(dropped)} shots in all are left out, the farthest first"
    ]


def read_result(folder: RunFolder) -> Result:
    """What ``run --json`` prints, from what is on disk alone."""
    record, scores = folder.read_run(), folder.read_scores()
    asked = ("task", "template", "model", "adapter", "data", "split", "method", "shots", "choose", "pool", "seed", "format")
    described = ("integrity", "model_description", "versions", "warnings")
    return {
        **{name: record[name] for name in asked},
        **scores,
        **record["cost"],
        **{name: record[name] for name in described},
        "run_dir": str(folder.path),
    }
