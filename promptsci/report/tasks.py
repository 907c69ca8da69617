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
    }


def show_tasks(entries: Sequence[Entry]) -> None:
    """Prints the list of tasks."""
    columns = ("name", "kind", "labels", "domain", "title", "data", "licence")
    rows = [["" if entry[column] is None else str(entry[column]) for column in columns] for entry in entries]
    show_list(
        {column: "right" if column == "labels" else "left" for column in columns},
        rows,
        ("licence", "data", "kind", "domain"),
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
        "label_column": task.label.column,
        "spellings": dict(task.label.read),
        "data": {name: _source(source) for name, source in task.data.items()},
        "metrics": list(task.metrics),
        "averaging": {name: averaging(name, task.labels) for name in task.metrics},
        "conventions": {name: convention.model_dump() for name, convention in task.conventions.items()},
        "published": [figure.model_dump() for figure in task.published],
        "shots": {"from": task.shots.from_, "choose": task.shots.choose},
        "wordings": list(wordings),
        "file": str(task.folder / "task.yaml"),
    }


def averaging(name: str, labels: Sequence[str]) -> str:
    """What exactly a metric averages, in words.

    Raises:
        SpecError: there is no such metric.
    """
    from promptsci.score import metric_named  # and with it numpy, which a list of tasks need not wait for

    if name.startswith("hub:"):
        return "as that metric of the evaluate library says"
    return metric_named(name, labels).averaging


def _source(source: Source) -> Entry:
    remote = {name: file.url for name, file in (source.urls or {}).items()}
    return {
        "origin": "files" if source.files else "urls" if remote else "hub",
        "about": source.about,
        "revision": source.revision,
        "path": source.path,
        "splits": source.files or remote or dict(source.splits),
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
        ("labels", f"{', '.join(card['labels'])} (column {card['label_column']})"),
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


def _source_line(source: Entry) -> str:
    where = f"{source['path']}: " if source["path"] else ""
    splits = ", ".join(source["splits"])
    about = f"; {source['about']}" if source["about"] else ""
    return f"{source['origin']} {where}{splits}{about}"


def template_entry(wording: str, template: Template) -> Entry:
    """One wording of the list."""
    return {"wording": wording, "template": template.name, "about": template.front.about, "file": str(template.path)}


def show_templates(entries: Sequence[Entry]) -> None:
    """Prints the list of wordings."""
    rows = [[entry["wording"], entry["about"] or "", entry["file"]] for entry in entries]
    show_list({"wording": "left", "about": "left", "file": "left"}, rows, ("file",))
