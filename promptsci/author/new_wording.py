"""``new template=``: a copy of a wording to change."""

from __future__ import annotations

from pathlib import Path

from promptsci.author.files import write_new
from promptsci.errors import SpecError
from promptsci.spec import Catalog
from promptsci.spec.task import read_text


def copy_wording(name: str, like: str, catalog: Catalog, root: Path, *, force: bool = False) -> Path:
    """The file of a new wording, written below root as a copy of another wording of the same task.

    Args:
        name: ``TASK/WORDING``.
        like: the wording to copy, or a path to it.
        catalog: where the task and its wordings are found.
        root: the folder whose ``templates/`` gets the file.
        force: whether a file that is there may be replaced.

    Raises:
        SpecError: the name is no ``TASK/WORDING``, there is no such task or wording, or the file is there already.
    """
    task_name, slash, wording = name.rpartition("/")
    if not slash or not task_name or not wording or wording.endswith(".jinja"):
        fix = "Write template=TASK/WORDING, such as template=citation-intent/mine."
        raise SpecError(f"'{name}' does not name a task and a wording", fix=fix)
    task = catalog.task(task_name)
    source = catalog.template(like, task)
    path = root / "templates" / (task.templates or task.name) / f"{wording}.jinja"
    write_new({path: read_text(source.path)}, force=force)
    return path
