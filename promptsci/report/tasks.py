"""Tasks and wordings in the terminal: the list, and the card of one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.listing import show_list
from promptsci.report.terminal import metric_name, percent
from promptsci.spec import Source, Task, Template
from promptsci.spec.task import ORIGINS

Entry = dict[str, Any]


def task_entry(name: str, task: Task) -> Entry:
    """One task of the list."""
    return {
        "name": name,
        "kind": task.kind,
        "labels": len(task.labels),
        "domain": task.domain,
        "title": task.title,
        "licence": task.licence,
        "data": next(iter(task.data)),
        "rows": dict(next(iter(task.data.values())).rows),
    }


def show_tasks(entries: Sequence[Entry]) -> None:
    """Prints the list of tasks."""
    columns = ("name", "kind", "labels", "domain", "title", "data", "rows", "licence")
    cells = [entry | {"rows": " / ".join(f"{n:,}" for n in entry["rows"].values())} for entry in entries]
    rows = [["" if entry[column] is None else str(entry[column]) for column in columns] for entry in cells]
    show_list(
        {column: "right" if column in ("labels", "rows") else "left" for column in columns},
        rows,
        ("licence", "data", "rows", "kind", "domain"),
    )


def task_card(task: Task, wordings: Mapping[str, Path]) -> Entry:
    """All that a task says of itself, and the wordings there are for it."""
    return {
        "name": task.name,
        "title": task.title,
        "kind": task.kind,
        "domain": task.domain,
        "about": task.about,
        "paper": task.paper,
        "licence": task.licence,
        "fields": dict(task.fields),
        "labels": list(task.labels),
        "right": {"form": task.form, **task.section.model_dump(by_alias=True, exclude_none=True)},
        "data": {name: _source(source) for name, source in task.data.items()},
        "metrics": list(task.metrics),
        "averaging": {name: averaging(name, task) for name in task.metrics},
        "conventions": {name: convention.model_dump() for name, convention in task.conventions.items()},
        "published": [figure.model_dump() for figure in task.published],
        "shots": {"from": task.shots.from_, "choose": task.shots.choose},
        "wordings": list(wordings),
        "file": str(task.folder / "task.yaml"),
    }


def averaging(name: str, task: Task) -> str:
    """What exactly a metric averages, in words.

    Raises:
        SpecError: there is no such metric.
    """
    if name.startswith("hub:"):
        return "as that metric of the evaluate library says"
    from promptsci.score import facts_of, form_metric  # and with it numpy, which a list of tasks need not wait for

    return form_metric(name, facts_of(task)).averaging


def _source(source: Source) -> Entry:
    remote = {name: file.url for name, file in (source.urls or {}).items()}
    packaged = source.package.files if source.package is not None else {}
    stored = source.files or remote or packaged or dict(source.splits)
    dealt = dict.fromkeys(source.shape.shares, next(iter(stored.values()), ""))
    return {
        "origin": source.origin,
        "about": source.about,
        "yours": source.yours,
        "revision": source.revision,
        "path": source.path,
        "rows": dict(source.rows),
        "splits": dealt or stored,
    }


def show_card(card: Entry) -> None:
    """Prints a task's card."""
    table = plain_table()
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in _lines(card):
        if value:
            table.add_row(title, value)
    name = Text(card["name"], style="bold").append(f"  {card['title']}", style="not bold")
    show(console(), name, table, Text(f"Written in {card['file']}", style="dim"))


def _lines(card: Entry) -> list[tuple[str, str | None]]:
    return [
        ("kind", card["kind"]),
        ("domain", card["domain"]),
        ("about", card["about"]),
        ("fields", ", ".join(_renamed(name, column) for name, column in card["fields"].items())),
        ("labels", ", ".join(card["labels"])),
        ("right answer", _right_line(card["right"])),
        *((f"data={name}", _source_line(source)) for name, source in card["data"].items()),
        *((f"metric {metric_name(name)}", words) for name, words in card["averaging"].items()),
        *((f"--as-in {name}", _convention_line(said)) for name, said in card["conventions"].items()),
        *(("published", _figure_line(figure)) for figure in card["published"]),
        ("shots", f"{card['shots']['choose']} from {card['shots']['from']}"),
        ("template=", ", ".join(card["wordings"]) or "none"),
        ("paper", card["paper"]),
        ("licence", card["licence"]),
    ]


def _convention_line(said: Entry) -> str:
    about = f"; {said['about']}" if said["about"] else ""
    return f"{', '.join(said['metrics'])} ({said['source']}){about}"


def _figure_line(figure: Entry) -> str:
    note = f"; {figure['note']}" if figure["note"] else ""
    return f"{figure['method']}: {metric_name(figure['metric'])} {percent(figure['value'])} ({figure['source']}){note}"


def _renamed(name: str, column: str) -> str:
    return name if name == column else f"{name} (column {column})"


def _right_line(right: Entry) -> str:
    """The settings of the right answer, but for the labels, which have a line of their own."""
    settings = {name: value for name, value in right.items() if name not in ("form", "values", "types") and value != {}}
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _source_line(source: Entry) -> str:
    where = f"{source['path']}: " if source["path"] else ""
    known = source["splits"] or source["rows"]
    counted = (f"{name} {source['rows'][name]:,}" if name in source["rows"] else name for name in known)
    splits = source["yours"] or ", ".join(counted)
    about = f"; {source['about']}" if source["about"] else ""
    return f"{ORIGINS[source['origin']]}: {where}{splits}{about}"


def template_entry(task: Task, wording: str, template: Template) -> Entry:
    """One wording of the list."""
    return {
        "task": task.name,
        "wording": wording,
        "template": template.name,
        "about": template.front.about,
        "file": str(template.path),
    }


def show_templates(entries: Sequence[Entry]) -> None:
    """Prints the list of wordings."""
    columns = ("task", "wording", "about", "file")
    rows = [[entry[column] or "" for column in columns] for entry in entries]
    show_list(dict.fromkeys(columns, "left"), rows, ("file",))
