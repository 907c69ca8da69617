"""The story of ``merge``: adapter and base -> a plain model folder -> the same log-likelihoods, read back from disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptsci.errors import ModelError, PromptsciError, RunError
from promptsci.lm import AdapterFolder, ModelFolder, Nats, Progress, check_base, read_adapter, resolve_causal
from promptsci.lm.adapter import CARD
from promptsci.lm.merge import check_mergeable, merge, save_merged
from promptsci.pipeline.prepare import prepare
from promptsci.pipeline.settings import Settings
from promptsci.prompt import Query
from promptsci.spec import Catalog

KEPT = ("method", "rule", "task", "template", "format", "base", "training")
"""What the card of a merged model has from its adapter's."""


@dataclass(frozen=True)
class MergeSettings:
    """What one merge is asked to do.

    Attributes:
        adapter: its folder.
        out: the folder to write; it must not be there yet.
        model: the base; None is the one that the adapter says it was made for.
        task: whose rows are compared; None is the one that the adapter was trained on.
        template: how they are said; None is how the adapter was trained.
        data: source of the task, path, URL or Hub id.
        split: the rows that are compared.
        limit: how many, a stratified sample.
        dtype: precision of the merged weights, and of the comparison.
        trust_remote_code: whether Python code in the base's folder may run.
    """

    adapter: Path
    out: Path
    model: str | None = None
    task: str | None = None
    template: str | None = None
    data: str | None = None
    split: str = "test"
    limit: int = 32
    dtype: str = "float32"
    trust_remote_code: bool = False


@dataclass(frozen=True)
class PreparedMerge:
    """A merge that can start.

    Attributes:
        queries: what adapter and merged model are both asked.
        compared_on: what that is, in words.
        notes: what the result must say.
    """

    settings: MergeSettings
    adapter: AdapterFolder
    base: ModelFolder
    queries: tuple[Query, ...]
    compared_on: str
    notes: tuple[str, ...]


def prepare_merge(settings: MergeSettings, catalog: Catalog, progress: Progress | None = None) -> PreparedMerge:
    """The merge that these settings ask for, checked before a model is loaded.

    Raises:
        ModelError: the adapter cannot be merged, or its base is not known or another.
        RunError: the folder to write is there already.
        PromptsciError: the rows that were asked for cannot be read.
    """
    adapter = read_adapter(settings.adapter)
    check_mergeable(adapter)
    if settings.out.exists():
        fix = "Name another folder with --out, or delete it."
        raise RunError("the folder to write is there already", where=str(settings.out), fix=fix)
    word = settings.model or base_word(adapter)
    base = resolve_causal(word, progress)
    check_base(adapter, base.name, base.sha256)
    notes = []
    if adapter.card.get("quantised"):
        notes.append(
            "the adapter was trained on 4-bit weights and is merged into the whole ones: compare its scores anew"
        )
    queries, compared_on, unread = _queries(settings, adapter, word, catalog)
    return PreparedMerge(settings, adapter, base, queries, compared_on, (*notes, *unread))


def base_word(adapter: AdapterFolder) -> str:
    """What ``model=`` names the base by that an adapter was made for.

    Raises:
        ModelError: the adapter does not say.
    """
    base = adapter.card.get("base") or {}
    if base:
        return str(base.get("model") or base["name"])
    config = json.loads((adapter.path / "adapter_config.json").read_text(encoding="utf-8"))
    named = str(config.get("base_model_name_or_path") or "")
    if not named:
        what = f"the adapter '{adapter.name}' does not say which model it was made for"
        raise ModelError(what, where=str(adapter.path), fix="Name it: model=NAME.")
    return named


def _queries(
    settings: MergeSettings, adapter: AdapterFolder, model: str, catalog: Catalog
) -> tuple[tuple[Query, ...], str, list[str]]:
    """Prompts of the task's rows, what they are in words, and why there are none where there are none."""
    asked = settings.task or adapter.card.get("task")
    if asked is None:
        return (), RANDOM, []
    template = settings.template or (adapter.card.get("template") if settings.task is None else None)
    run = Settings(
        asked,
        template=template,
        model=model,
        data=settings.data,
        split=settings.split,
        limit=settings.limit,
        format=adapter.card.get("format"),
    )
    try:
        prepared = prepare(run, catalog)
    except PromptsciError as error:
        if settings.task is not None:
            raise
        return (), RANDOM, [f"rows of {asked} cannot be compared: {error.text().splitlines()[0]}"]
    queries = tuple(question.query for question in prepared.questioner.questions(prepared.examples))
    if not all(query.choice_ids for query in queries):  # answers are written, not chosen
        return (), RANDOM, []
    return queries, f"{len(queries)} rows of {prepared.task.name}, {settings.split}", []


RANDOM = "random prompts"


def merge_adapter(prepared: PreparedMerge) -> dict[str, Any]:
    """What a merge came to: where the model is, and how far its scores are from the adapter's, in nats.

    Raises:
        ModelError: the merged model, read back from disk, does not score as the adapter does; it is not kept.
    """
    from promptsci.lm.load import load_model
    from promptsci.lm.transformers_lm import TOLERANCE_NATS, probe_queries
    from promptsci.pipeline.examine import furthest

    settings = prepared.settings
    partial = settings.out.with_name(f".{settings.out.name}.merging")
    shutil.rmtree(partial, ignore_errors=True)
    adapted = _adapted(prepared)
    tolerance = TOLERANCE_NATS[adapted.dtype]
    queries = prepared.queries or tuple(probe_queries(adapted))
    before = _nats(adapted, queries)
    save_merged(merge(adapted, prepared.adapter), prepared.base.path, partial)
    del adapted
    loaded = load_model(partial, dtype=settings.dtype, trust_remote_code=settings.trust_remote_code)
    gap = furthest(before, _nats(loaded, queries))
    if not gap <= tolerance:
        shutil.rmtree(partial)
        raise ModelError(
            f"the merged model scores {gap:.2g} nats away from the adapter (at most {tolerance:g} in {settings.dtype}),"
            " so it is not kept",
            where=str(prepared.adapter.path),
            fix="Use --dtype float32, or the adapter as it is.",
        )
    name = f"{prepared.adapter.name}-merged"
    _write_card(prepared, partial, name)
    partial.replace(settings.out)
    return {
        "name": name,
        "model": str(settings.out),
        "adapter": prepared.adapter.to_json(),
        "base": prepared.base.name,
        "dtype": settings.dtype,
        "bytes": sum(path.stat().st_size for path in settings.out.glob("*.safetensors")),
        "compared_on": prepared.compared_on,
        "max_nats": gap,
        "tolerance_nats": tolerance,
        "notes": list(prepared.notes),
    }


def _adapted(prepared: PreparedMerge) -> Any:
    """The base with the adapter on it, its layers in the plain form that a merge can write to."""
    from promptsci.lm.adapter import attach
    from promptsci.lm.load import load_model

    settings = prepared.settings
    base = load_model(
        prepared.base.path, dtype=settings.dtype, trust_remote_code=settings.trust_remote_code, trainable=True
    )
    return attach(base, prepared.adapter)


def _nats(loaded: Any, queries: Sequence[Query]) -> list[Nats]:
    from promptsci.lm import Scoring, TransformersLM

    return [one.nats for one in sorted(TransformersLM(loaded, Scoring(verify=0)).score(queries))]


def _write_card(prepared: PreparedMerge, folder: Path, name: str) -> None:
    """What the model is, so that runs with it say the method and what its training cost."""
    card = {key: prepared.adapter.card[key] for key in KEPT if key in prepared.adapter.card}
    whole = {"name": name, "method": prepared.adapter.method, **card, "merged": prepared.adapter.to_json()}
    (folder / CARD).write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
