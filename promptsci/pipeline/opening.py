"""Where a prefix begins with ``init=shots``: the keys and values of the few-shot prompt that does best on validation.

The prefix then holds instruction and shots, and what is read behind it is the rest of each prompt, at the very
positions that it has in the few-shot prompt. Before the first step it scores as that prompt does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from promptsci.data import Example, text_key
from promptsci.errors import PromptError, TuneError
from promptsci.pipeline.examine import Examiner
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.settings import Settings
from promptsci.prompt import Pool, chooser
from promptsci.prompt.opening import Opening, check_opening, opening
from promptsci.tune.folder import TuneFolder
from promptsci.tune.recipe import Recipe

if TYPE_CHECKING:
    from promptsci.lm.load import LoadedModel
    from promptsci.pipeline.tuning import PreparedTune

CHECKED = 50
"""Rows whose tokens are compared behind instruction and shots, and behind the instruction alone."""
NOBODY = Example("", {}, None)


def check_start(recipe: Recipe, run: Settings, choose: str) -> None:
    """Nothing when a prefix can begin so.

    Raises:
        TuneError: the method has no prefix, the prompts have shots already, or shots differ from query to query.
    """
    if recipe.method != "prefix":
        raise TuneError("init=shots says where a prefix begins", fix="Use it with --prefix.")
    if run.shots:
        fix = f"Leave --shots out, and write init_shots={run.shots}."
        raise TuneError("with init=shots the shots stand in the prefix, not in the prompt", fix=fix)
    if choose.startswith("similar"):
        what = f"shots chosen by '{choose}' differ from query to query; a prefix is the same for all"
        raise TuneError(what, fix="Use --choose balanced or random.")


def openings(train: Prepared, recipe: Recipe, rows: Sequence[Example], choose: str) -> tuple[Opening, ...]:
    """The openings to choose among: one for each seed, from the rows that are learned from.

    The questioner that makes the lessons leaves them out from now on.

    Raises:
        PromptError: too few rows to show, or a chat template under which a prefix cannot stand for the shots.
        TuneError: the prefix is longer than the model holds.
    """
    questioner = train.questioner
    pool = Pool(rows, train.task.labels)
    seed = train.settings.seed
    found: dict[tuple[int, ...], Opening] = {}
    for each in range(seed, seed + recipe.init_tries):
        try:
            shots = chooser(choose, pool, recipe.init_shots, each, train.task).shots(NOBODY)
        except PromptError as error:
            raise PromptError(error.what, fix="Use fewer: init_shots=N, or another --choose.") from error
        made = opening(questioner.assembler, questioner.encoder, shots, each)
        found.setdefault(made.ids, made)
    for made in found.values():
        check_opening(made, questioner.assembler, questioner.encoder, train.examples[:CHECKED])
    longest = max(len(made.ids) for made in found.values())
    _check_length(longest, train.model.path, questioner.context)
    questioner.encoder.opening = next(iter(found.values())).bare
    questioner.context -= longest
    return tuple(found.values())


@contextmanager
def fits_behind(opened: Sequence[Opening]) -> Iterator[None]:
    """Nothing; where a row does not fit the context behind the longest opening, its error says what to change.

    Raises:
        PromptError: there is such a row.
    """
    try:
        yield
    except PromptError as error:
        if not opened:
            raise
        longest = max(len(one.ids) for one in opened)
        what = f"behind a prefix of {longest:,} tokens, {error.what}"
        raise PromptError(what, where=error.where, fix="Show fewer: init_shots=4.") from error


def _check_length(longest: int, path: Path, context: int) -> None:
    """Nothing when the model holds the prefix, in every layer."""
    from transformers import AutoConfig

    from promptsci.lm.masks import layer_kinds

    config = AutoConfig.from_pretrained(path, local_files_only=True).get_text_config()
    room = min([context - 1, *(size - 1 for size in layer_kinds(config).values() if size)])
    if longest > room:
        what = f"the shots make a prefix of {longest:,} tokens; the model has room for {room:,}"
        raise TuneError(what, fix="Show fewer: init_shots=4.")


def choose_opening(
    prepared: PreparedTune, loaded: LoadedModel, examiner: Examiner, folder: TuneFolder, *, first: bool
) -> PreparedTune:
    """The tuning with the opening that does best on validation; what was chosen once stays chosen.

    Args:
        prepared: with the openings to choose among.
        loaded: the base model.
        examiner: judges them.
        folder: where the choice is kept.
        first: whether this process writes there.
    """
    told = folder.read_opening()
    if told is None:
        mains = [_main(one, loaded, examiner) for one in prepared.openings]
        tried = [{"seed": one.seed, "main": main} for one, main in zip(prepared.openings, mains, strict=True)]
        told = {"seed": max(tried, key=lambda one: one["main"])["seed"], "tried": tried}  # of equals the first
        if first:
            folder.write_opening(told)
    chosen = next(one for one in prepared.openings if one.seed == told["seed"])
    shown = {text_key(shot) for shot in chosen.shots}
    hidden = {example.id for example in prepared.train.examples if text_key(example) in shown}
    lessons = tuple(lesson for lesson in prepared.lessons if lesson.id not in hidden)
    left_out = len(prepared.lessons) - len(lessons)
    tried_seeds = ", ".join(f"{one['seed']} ({one['main']:.3f})" for one in told["tried"])
    note = (
        f"the prefix begins as the {len(chosen.shots)}-shot prompt of seed {chosen.seed}, the best on validation among "
        f"the seeds {tried_seeds}; the {left_out} rows that it shows are not learned from"
    )
    return replace(prepared, lessons=lessons, openings=(chosen,), notes=(*prepared.notes, note))


def _main(one: Opening, loaded: LoadedModel, examiner: Examiner) -> float:
    """The main metric on validation of the few-shot prompt."""
    head = np.asarray(one.ids, dtype=np.int32)
    (only,) = examiner.parts  # of one task alone
    queries = [replace(query, ids=np.concatenate([head, query.ids])) for query in only.queries]
    return only.main(loaded, queries)


def opening_record(prepared: PreparedTune) -> dict[str, Any]:
    """What tune.json and the adapter's card say of it; nothing where the prefix begins as noise."""
    if not prepared.openings:
        return {}
    (one,) = prepared.openings
    shots = [shot.id for shot in one.shots]
    return {"opening": {"seed": one.seed, "shots": shots, "tokens": len(one.ids), "bare": list(one.bare)}}
