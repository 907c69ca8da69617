"""The models that need no Hub, and those converted on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from promptsci.report.console import console, show
from promptsci.report.listing import show_list


def show_models(listed: Mapping[str, Any]) -> None:
    """Prints both lists."""
    rows = [
        [
            model["name"],
            model["kind"],
            f"{model['parameters'] / 1e6:,.0f} M",
            "yes" if model["pulled"] else "no",
            f"{_size(model['disk_bytes'])} on disk"
            if model["pulled"]
            else f"{_size(model['download_bytes'])} to fetch",
            model["licence"],
            model["title"],
        ]
        for model in listed["models"]
    ]
    show_list(
        {
            "name": "left",
            "kind": "left",
            "parameters": "right",
            "pulled": "left",
            "size": "right",
            "licence": "left",
            "title": "left",
        },
        rows,
        ("title",),
    )
    if listed["converted"]:
        show(console(), Text("converted from GGUF files"))
        show_list(
            {"name": "left", "size": "right", "folder": "left"},
            [[model["name"], _size(model["disk_bytes"]), model["folder"]] for model in listed["converted"]],
        )


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.0f} MB"
