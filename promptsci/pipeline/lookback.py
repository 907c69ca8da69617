"""The look back of a chain: every task that was learned, scored with the weights of every step that knew it.

Each cell is an ordinary Run, so one that is stored already is read and not made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from promptsci.compare import Cell, Column, Step, forgetting
from promptsci.errors import ModelError
from promptsci.lm import read_adapter
from promptsci.pipeline.chain import Link
from promptsci.pipeline.settings import Result, Settings
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.subject import Subject
from promptsci.pipeline.tuning import PreparedTune
from promptsci.report.forgetting import forgetting_markdown
from promptsci.report.page import forgetting_page
from promptsci.runs import write_atomically
from promptsci.tune.folder import TuneFolder

NAME = "continual"
"""Of the files that hold the look back."""


def look_back(prepared: PreparedTune, folder: TuneFolder, stage: Stage) -> dict[str, Any]:
    """The matrix of scores over all tasks of the chain, and what it comes to.

    A task is scored with the weights of each step from the one before it was learned on. Weights that are not there any
    more leave their row empty but for what the result says.

    Args:
        prepared: the last tuning of the chain.
        folder: where its weights stand.
        stage: where runs stand, and who watches.
    """
    assert prepared.earlier is not None, "a chain has earlier tasks"
    tasks = {one.name: one for one in (*prepared.earlier.subjects, *prepared.subjects)}
    links = prepared.chain(folder.weights)
    learned = {name: tuple(step for step, link in enumerate(links) if name in link.names) for name in tasks}
    gone = [None if link is links[-1] else _gone(link) for link in links]
    cells = []
    for step, link in enumerate(links):
        known = [name for name in tasks if gone[step] is None and min(learned[name]) <= step + 1]
        # What this tuning has just closed with is not made a second time.
        again = stage.fresh and link is links[-1]
        row = {
            name: _cell(
                stage.score(_with(tasks[name], link), tasks[name].run.catalog, fresh=again and name not in link.names)
            )
            for name in known
        }
        cells.append([row.get(name) for name in tasks])
    base = {name: stage.score(one.asked.run, one.run.catalog, fresh=False) for name, one in tasks.items()}
    columns = [_column(name, base[name], learned[name], tasks[name]) for name in tasks]
    steps = [Step(link.name, link.keep, link.names) for link in links]
    notes = [
        f"step {number} ({link.name}) is not scored: {why}"
        for number, (link, why) in enumerate(zip(links, gone, strict=True), 1)
        if why is not None
    ]
    return forgetting(columns, steps, [_cell(base[name]) for name in tasks], cells, notes).to_json()


def _gone(link: Link) -> str | None:
    """Why the weights of a link cannot be scored; None where they can."""
    try:
        found = read_adapter(Path(link.weights))
    except ModelError as error:
        return error.text().splitlines()[0]
    return None if found.sha256 == link.sha256 else f"the adapter in {link.weights} is another by now"


def _with(one: Subject, link: Link) -> Settings:
    """The closing run of a task with the weights of a link."""
    return replace(one.asked.run, adapter=link.weights)


def _cell(result: Result) -> Cell:
    found = result["metrics"][result["main"]]
    return Cell(found["value"], found["low"], found["high"], result["run_dir"])


def _column(name: str, result: Result, learned: tuple[int, ...], one: Subject) -> Column:
    higher = one.run.metrics[0].higher_is_better
    return Column(name, result["main"], higher, result["split"], result["n"], learned)


def write_look_back(folder: Path, found: Mapping[str, Any]) -> None:
    """Writes the look back as JSON, as Markdown and as a page, each whole or not at all."""
    write_atomically(folder / f"{NAME}.json", json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    write_atomically(folder / f"{NAME}.md", forgetting_markdown(found))
    write_atomically(folder / f"{NAME}.html", forgetting_page(found))
