"""The chain of tasks behind an adapter: which were tuned on before, one after the other, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from promptsci.data import Example, text_key
from promptsci.errors import TuneError
from promptsci.lm import AdapterFolder
from promptsci.pipeline.lessons import check_objective
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.settings import Settings
from promptsci.pipeline.subject import Subject, TaskSettings, share_of, subject, with_lessons
from promptsci.spec import Catalog
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import Recipe

READING = ("model", "dtype", "sharing", "verify", "pack_tokens", "trust_remote_code")
"""Settings of a run that say with what it reads, and not what."""


@dataclass(frozen=True)
class Link:
    """One tuning of a chain.

    Attributes:
        name: of its adapter.
        weights: folder of the adapter.
        sha256: of the adapter; None of one that is not written yet.
        keep: how it held on to the tasks before it; None of the first.
        tasks: what it learned.
        names: the tasks' own names.
    """

    name: str
    weights: str
    sha256: str | None
    keep: str | None
    tasks: tuple[TaskSettings, ...]
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values by name; every path in them holds from any folder already."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Link:
        """What a card says."""
        return cls(
            stored["name"], stored["weights"], stored["sha256"], stored["keep"],
            tuple(TaskSettings.from_json(one) for one in stored["tasks"]), tuple(stored["names"]),
        )  # fmt: skip


def chain_of(adapter: AdapterFolder) -> tuple[Link, ...]:
    """The tunings that led to an adapter, itself the last.

    Raises:
        TuneError: neither its card nor a tune.json beside it says what it was tuned on.
    """
    told = adapter.card.get("chain") or _of_tuning(adapter)
    links = [Link.from_json(one) for one in told]
    return (*links[:-1], replace(links[-1], weights=str(adapter.path), sha256=adapter.sha256))


def _of_tuning(adapter: AdapterFolder) -> list[dict[str, Any]]:
    """The chain of an adapter whose card has none, by the record of its tuning."""
    path = adapter.path.parent / "tune.json"
    fix = "Name the folder of a tuning, or begin with the weights alone: --from."
    if not path.is_file():
        raise TuneError("it is not known what this adapter was tuned on", where=str(adapter.path), fix=fix)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        settings, task = record["settings"], record["task"]
    except (OSError, ValueError, KeyError) as error:
        raise TuneError(f"the record of this tuning cannot be read: {error}", where=str(path), fix=fix) from error
    link = {"name": adapter.name, "weights": "", "sha256": None, "keep": None, "tasks": [settings], "names": [task]}
    return [link]


def earlier_runs(links: Sequence[Link], like: Settings, catalog: Catalog) -> list[tuple[TaskSettings, Prepared]]:
    """What the links learned, in their order, each with its closing run on the model that learns now.

    Args:
        links: the chain so far.
        like: the run whose model counts, and how it is read.
        catalog: where tasks and templates are found.
    """
    reading = {name: getattr(like, name) for name in READING}
    asked = [replace(one, run=replace(one.run, **reading)) for link in links for one in link.tasks]
    return [(one, prepare(one.run, catalog)) for one in asked]


@dataclass(frozen=True)
class Earlier:
    """The earlier tasks of a tuning, and what is kept of them.

    Attributes:
        links: the chain so far.
        subjects: the earlier tasks, each once, in the order in which they were learned first; with the rows that are
            kept and their lessons.
        again: names of those that are learned once more.
        notes: what the result must say.
    """

    links: tuple[Link, ...]
    subjects: tuple[Subject, ...]
    again: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        """Of all kept rows."""
        return tuple(lesson for one in self.subjects for lesson in one.lessons)

    @property
    def left(self) -> tuple[Subject, ...]:
        """Tasks that are not learned now."""
        return tuple(one for one in self.subjects if one.name not in self.again)

    def to_json(self) -> dict[str, Any]:
        """Which tunings came before, and which rows are kept."""
        return {
            "chain": [{"name": link.name, "sha256": link.sha256} for link in self.links],
            "kept": {one.name: [row.id for row in one.rows] for one in self.subjects},
        }


def earlier(
    links: Sequence[Link],
    runs: Sequence[tuple[TaskSettings, Prepared]],
    now: Sequence[Subject],
    recipe: Recipe,
    seed: int,
) -> Earlier:
    """The earlier tasks of a tuning, with the rows that are kept of them.

    Kept is a stratified sample of ``replay`` of each task's train rows, drawn by the seed. Rows that the tuning learns
    anyway are none of them, nor are texts that any of the tasks scores.

    Args:
        links: the chain so far.
        runs: what it learned, prepared.
        now: the tasks that are learned now.
        recipe: how they are learned.
        seed: of the sample.
    """
    judged = [*(one.run for one in now), *(run for _, run in runs)]
    scored = {text_key(row) for run in judged for row in run.dataset.split(run.split).examples}
    learned = {(one.name, text_key(row)) for one in now for row in one.rows}
    found: dict[str, Subject] = {}
    notes = []
    for asked, run in runs:
        check_objective(run, recipe)
        one = subject(asked, run, recipe)
        before = found.get(one.name)
        found[one.name] = one if before is None else replace(one, rows=_newest(before.rows, one.rows))
    for name, one in found.items():
        rows = [row for row in one.rows if (name, text_key(row)) not in learned]
        fitting = [row for row in rows if text_key(row) not in scored]
        if len(fitting) < len(rows):
            notes.append(f"{len(rows) - len(fitting)} train rows of {name} are never kept: a test row has their text")
        found[name] = _kept(one, fitting, recipe, seed)
    again = tuple(one.name for one in now if one.name in found)
    return Earlier(tuple(links), tuple(found.values()), again, tuple(notes))


def _newest(old: Sequence[Example], new: Sequence[Example]) -> tuple[Example, ...]:
    """All rows; of those with one text the newest."""
    by_text = {text_key(row): row for row in (*old, *new)}
    return tuple(by_text.values())


def _kept(one: Subject, rows: Sequence[Example], recipe: Recipe, seed: int) -> Subject:
    """The task with a sample of its rows, and what they teach."""
    sample = [] if recipe.keep == "none" else share_of(rows, recipe.replay, seed)
    kept = replace(one, rows=tuple(sample))
    return replace(kept, lessons=named(with_lessons(kept, recipe).lessons, one.name)) if sample else kept


def named(lessons: Sequence[Lesson], task: str, *, share: bool = False) -> tuple[Lesson, ...]:
    """The lessons with ids that no other task's have.

    Args:
        lessons: of one task.
        task: its name.
        share: whether it takes an equal share of every step.
    """
    return tuple(replace(one, id=f"{task}/{one.id}", share=task if share else "") for one in lessons)


def link_of(name: str, weights: Path, keep: str | None, subjects: Sequence[Subject]) -> Link:
    """The link that a tuning adds to its chain; new rows are named by the copy beside the weights."""
    tasks = []
    for one in subjects:
        asked = TaskSettings.from_json(one.asked.to_json(one.run))
        copy = one.fresh.copy_in(weights.parent.absolute()) if one.fresh else None
        tasks.append(asked if copy is None else replace(asked, new=str(copy)))
    return Link(name, str(weights.absolute()), None, keep, tuple(tasks), tuple(one.name for one in subjects))
