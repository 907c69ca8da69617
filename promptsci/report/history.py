"""The runs on this machine: what each is, how far it is, and its main metric; read from disk alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from promptsci.report.listing import show_list
from promptsci.report.terminal import interval, metric_name
from promptsci.runs import RunFolder

Entry = dict[str, Any]
ASKED = ("task", "method", "template", "model", "adapter", "split", "shots", "seed", "format", "perturb", "started")
SPARE = ("folder", "started (UTC)", "template", "split", "seed")


def run_entry(folder: RunFolder) -> Entry:
    """One run of the list.

    Raises:
        RunError: its files cannot be read.
    """
    record = folder.read_run()
    is_done = folder.is_whole and record.get("state") == "done"
    scores = folder.read_scores() if is_done else {}
    main = scores.get("main")
    return {
        "run": folder.path.name.rpartition("_")[2],
        **{name: record.get(name) for name in ASKED},
        "n": scores.get("n"),
        "main": {"name": main, **scores["metrics"][main]} if main else None,
        "state": "done" if is_done else "running" if folder.is_busy else "interrupted",
        "rows_done": folder.count_rows(),
        "rows": record.get("rows"),
        "run_dir": str(folder.path),
    }


def show_runs(entries: Sequence[Entry]) -> None:
    """Prints the list."""
    show_list(
        {
            "run": "left",
            "task": "left",
            "method": "left",
            "template": "left",
            "model": "left",
            "split": "left",
            "seed": "right",
            "n": "right",
            "main metric % [95 %]": "left",
            "state": "left",
            "started (UTC)": "left",
            "folder": "left",
        },
        [_cells(entry) for entry in entries],
        SPARE,
    )


def _cells(entry: Entry) -> list[str]:
    main: Mapping[str, Any] | None = entry["main"]
    wording = (entry["template"] or "").rpartition("/")[2]
    state = (
        entry["state"]
        if entry["state"] == "done"
        else f"{entry['state']}, {entry['rows_done']} of {entry['rows']} rows"
    )
    return [
        entry["run"],
        str(entry["task"]),
        f"{entry['method']}, {entry['perturb']}" if entry["perturb"] else str(entry["method"]),
        wording,
        entry["model"] or "",
        str(entry["split"]),
        str(entry["seed"]),
        "" if entry["n"] is None else f"{entry['n']:,}",
        f"{metric_name(main['name'])} {interval(main, main['name'])}" if main else "",
        state,
        str(entry["started"])[:16].replace("T", " "),
        entry["run_dir"],
    ]
