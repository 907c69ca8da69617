"""The story of ``explain``: a stored run -> its rows asked again without shots and words -> why, and is it so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsci.data import Example, stratified
from promptsci.errors import RunError, SpecError, did_you_mean
from promptsci.explain import Asker, Odds, Request, RowExplanation, RunOdds, shot_map
from promptsci.lm import LM, Progress
from promptsci.pipeline.explainer import BUDGET, TEXT_ID, Explainer, no_prompt
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.reproduce import settings_of
from promptsci.pipeline.rows import SAMPLE_SEED
from promptsci.pipeline.run import LMs, Silent, Watcher
from promptsci.pipeline.settings import Result, Settings
from promptsci.prompt import Question
from promptsci.runs import RunFolder
from promptsci.score import Facts
from promptsci.spec import Catalog

if TYPE_CHECKING:
    from promptsci.explain import Attribution
    from promptsci.lm.load import LoadedModel

BAR = 0.8
"""The share of rows in which the named words must move the log-odds more than random words do."""
SAID = ("task", "template", "model", "adapter", "method", "split", "shots")


@dataclass(frozen=True)
class ExplainSettings:
    """What is to be explained.

    Attributes:
        ids: of rows of the run.
        text: a text of one's own.
        limit: rows, a stratified sample, where neither ids nor a text are given.
        label: the choice to explain; None takes the decided one.
        budget: tokens for a row, as a multiple of scoring the row and its shots once.
        gradients: whether integrated gradients are wanted too.
        over_split: whether the shots are judged over the run's rows.
        seed: of the random words.
    """

    ids: tuple[str, ...] = ()
    text: str | None = None
    limit: int | None = 10
    label: str | None = None
    budget: float = BUDGET
    gradients: bool = False
    over_split: bool = False
    seed: int = 0


@dataclass(frozen=True)
class StoredRun:
    """A finished run that can be asked again.

    Attributes:
        folder: where it stands.
        record: its run.json.
        prepared: the run, as its settings ask for it now.
        odds: of its rows.
        rows: its predictions by id.
        lm: its model.
    """

    folder: RunFolder
    record: Mapping[str, Any]
    prepared: Prepared
    odds: RunOdds
    rows: Mapping[str, Mapping[str, Any]]
    lm: LM

    @property
    def explainer(self) -> Explainer:
        """What explains its rows."""
        return Explainer(self.lm, self.prepared.questioner, self.odds)

    @cached_property
    def differentiable(self) -> LoadedModel:
        """The model and its adapter in a form that a gradient can pass; scoring on a CPU uses another."""
        from promptsci.lm.adapter import attach
        from promptsci.lm.load import load_model

        prepared, settings = self.prepared, self.prepared.settings
        loaded = load_model(
            prepared.model.path,
            dtype=settings.dtype,
            trust_remote_code=settings.trust_remote_code,
            trainable=True,
        )
        return attach(loaded, prepared.adapter) if prepared.adapter else loaded


def open_run(folder: RunFolder, lms: LMs, catalog: Catalog, progress: Progress | None = None) -> StoredRun:
    """A finished run, ready to be asked again.

    Tasks and templates are looked for in the given catalog and then where the stored run found them.

    Raises:
        RunError: the run is not finished, reads no prompt, or its answers are no choices.
        PromptsciError: its task, data, template or model are no longer there.
    """
    record = folder.read_run()
    where = str(folder.path)
    if not folder.is_whole or record.get("state") != "done":
        raise RunError("the run is not finished", where=where, fix="Run its command again; it goes on.")
    settings = settings_of(record)
    if not isinstance(settings, Settings):
        raise no_prompt(str(record["method"]), where)
    rows = {str(row["id"]): row for row in folder.rows()}
    odds = RunOdds(str(record["rule"]), list(rows.values()), Facts.of(record))
    roots = (*catalog.roots, *(Path(root) for root in record["catalog"]))
    prepared = prepare(settings, Catalog(roots), progress)
    lm = lms.get(prepared.model, prepared.settings, prepared.adapter)
    return StoredRun(folder, record, prepared, odds, rows, lm)


def explain(stored: StoredRun, asked: ExplainSettings, watcher: Watcher | None = None) -> Result:
    """Why rows of a run were decided so, and which shots help over its split where that is asked.

    Raises:
        RunError: the prompts have changed since, the run has no such row, or no shots to map.
        SpecError: a row has no such choice, or is more than a text.
    """
    if asked.over_split and not stored.prepared.settings.shots:
        raise RunError("the run has no shots to map", where=str(stored.folder.path), fix="Leave out --split.")
    rows_asked = not asked.over_split or asked.ids or asked.text is not None
    examples = _examples(stored, asked) if rows_asked else []
    over = _labelled(stored, asked.limit) if asked.over_split else []
    watcher = watcher or Silent()
    watcher.start(len(examples) + len(over), 0)
    rows = []
    for example in examples:
        before = stored.lm.tokens.computed
        rows.append(_explained(stored, example, asked))
        watcher.advance(1, stored.lm.tokens.computed - before)
    helps = _map(stored, over, watcher) if asked.over_split else None
    return {
        **{name: stored.record[name] for name in SAID},
        "rule": stored.odds.rule,
        "rows": [row.to_json() for row in rows],
        "faithfulness": _faithfulness(rows) if rows else None,
        "tokens": _tokens(rows) if rows else None,
        "shot_map": helps,
        "warnings": list(stored.lm.describe().notes),
        "run_dir": str(stored.folder.path),
    }


def _examples(stored: StoredRun, asked: ExplainSettings) -> list[Example]:
    """The rows to explain.

    Raises:
        RunError: the run has no row of that id.
        SpecError: a text does not make a whole row of this task.
    """
    prepared = stored.prepared
    found = {example.id: example for example in prepared.examples}
    for name in asked.ids:
        if name not in found:
            raise RunError(f"the run has no row '{name}'", fix=did_you_mean(name, found))
    if asked.text is not None:
        fields = list(prepared.task.fields)
        if len(fields) != 1 or prepared.task.form != "label":
            what = f"a row of {prepared.task.name} is more than one text"
            raise SpecError(what, fix="Name rows of the run by their ids.")
        return [found[name] for name in asked.ids] + [Example(TEXT_ID, {fields[0]: asked.text})]
    if asked.ids:
        return [found[name] for name in asked.ids]
    rows = prepared.examples
    return list(rows) if asked.limit is None else stratified(rows, asked.limit, SAMPLE_SEED)


def _labelled(stored: StoredRun, limit: int | None) -> list[Example]:
    rows = [example for example in stored.prepared.examples if example.gold is not None]
    return rows if limit is None else stratified(rows, limit, SAMPLE_SEED)


def _question(stored: StoredRun, example: Example) -> Question:
    """The question of a row, whose prompt must be the one that was scored.

    Raises:
        RunError: it is another.
    """
    (question,) = stored.prepared.questioner.questions([example])
    row = stored.rows.get(example.id)
    if row is not None and row["prompt_sha256"] != hashlib.sha256(question.query.text.encode()).hexdigest()[:16]:
        what = f"the prompt of row {example.id} is not the one that was scored: data, shots or template have changed"
        raise RunError(what, fix="Run it again: promptsci run ... --fresh")
    return question


def _explained(stored: StoredRun, example: Example, asked: ExplainSettings) -> RowExplanation:
    question, row = _question(stored, example), stored.rows.get(example.id)
    request = Request(asked.budget, asked.label, asked.seed)
    explained, asker = stored.explainer.explain(question, request, row)
    notes = list(explained.notes)
    if row is not None and row.get("label") not in (None, explained.decided):
        notes.append(f"the run decided {row['label']}; read again in this way it is {explained.decided}")
    gradients = tuple(_gradients(stored, asker)) if asked.gradients else ()
    return replace(explained, gradients=gradients, notes=tuple(notes))


def _gradients(stored: StoredRun, asker: Asker) -> list[Attribution]:
    """What each word of a row's query adds."""
    from promptsci.explain import Target, attributions, shot_ends

    target = Target(asker.query, shot_ends(asker)[-1], asker.odds, asker.choice)
    tokenizer = stored.prepared.questioner.encoder.tokenizer
    return attributions(stored.differentiable, tokenizer, asker.prompt, target)


def _map(stored: StoredRun, examples: Sequence[Example], watcher: Watcher) -> list[dict[str, Any]]:
    questioner = stored.prepared.questioner
    rows: list[tuple[Question, Odds]] = [
        (_question(stored, example), stored.odds.of(stored.rows[example.id])) for example in examples
    ]
    counted = [stored.lm.tokens.computed]

    def told(n_rows: int) -> None:
        watcher.advance(n_rows, stored.lm.tokens.computed - counted[-1])
        counted.append(stored.lm.tokens.computed)

    return [one.to_json() for one in shot_map(stored.lm, questioner.assembler, questioner.encoder, rows, told)]


def _faithfulness(rows: Sequence[RowExplanation]) -> dict[str, Any]:
    """In how many rows the named words move the log-odds more than random ones; rows without an answer count as no."""
    from scipy.stats import binomtest

    n = len(rows)
    holds = sum(row.faithful is not None and row.faithful.holds for row in rows)
    interval = binomtest(holds, n).proportion_ci(method="wilson")
    return {
        "holds": holds,
        "n": n,
        "share": holds / n,
        "low": float(interval.low),
        "high": float(interval.high),
        "unasked": sum(row.faithful is None for row in rows),
        "bar": BAR,
    }


def _tokens(rows: Sequence[RowExplanation]) -> dict[str, Any]:
    once, computed = (sum(row.tokens[name] for row in rows) for name in ("once", "computed"))
    highest = max(row.tokens["computed"] / row.tokens["once"] for row in rows)
    return {"once": once, "computed": computed, "ratio": computed / once, "highest_ratio": highest}
