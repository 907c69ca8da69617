"""Runs with promptsource 0.2.3 on its path: what its own templates make of rows, as JSON on standard output.

Arguments: a JSON file of ``{data set: rows}``. Prompts are rendered without its cut at 2,048 characters.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path


def main() -> None:
    """Prints data set -> name of each prompt -> [prompt, answer] of each row; null where it cannot be rendered."""
    if importlib.util.find_spec("pkg_resources") is None:  # newer setuptools have none; it is asked for one path only
        folder = Path(importlib.util.find_spec("promptsource").origin).parent
        stand_in = types.ModuleType("pkg_resources")
        stand_in.resource_filename = lambda _module, name: str(folder / name)
        sys.modules["pkg_resources"] = stand_in
    from promptsource.templates import DatasetTemplates

    rendered = {}
    for dataset, rows in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")).items():
        name, _, subset = dataset.partition("/")
        templates = DatasetTemplates(name, subset or None)
        rendered[dataset] = {
            template.name.strip(): [template.apply(row, truncate=False) for row in rows]
            for template in templates.templates.values()
        }
    print(json.dumps(rendered))


if __name__ == "__main__":
    main()
