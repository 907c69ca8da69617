"""What a wording's prompts are, written down byte for byte, and whether they still are; no model is asked.

A golden render is the plain prompt of the task's first test row, behind 0 and behind 2 shots, and each answer behind a
bar: where the prompt ends and the answer's space begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import promptsci
from promptsci.author.outcome import Outcome, State, diff
from promptsci.author.render import Rendered, Renderer
from promptsci.errors import PromptsciError
from promptsci.spec import Catalog, Task, Template

SHOTS = (0, 2)
INSTALLED = Path(promptsci.__file__).resolve().parent / "_catalog"
"""The shipped tasks and templates in an installed wheel, which nobody should write to."""


def golden_text(rendered: Rendered) -> str:
    """What a golden file holds: the prompt, and each answer behind a bar."""
    return f"{rendered.prompt.plain()}\n" + "".join(f"| {answer}\n" for answer in rendered.answers)


def golden_folder(template: Template) -> Path:
    """Where a wording's golden files stand: ``tests/golden`` of its project, or else ``tests`` beside the wording.

    Those of a wording inside the installed package stand in ``tests/golden`` of the current folder.
    """
    root = template.path.parent.parent.parent
    if root == INSTALLED:
        return Path.cwd() / "tests" / "golden"
    project = root / "tests" / "golden"
    return project if project.is_dir() else template.path.parent / "tests"


def golden_path(template: Template, task: Task, n_shots: int) -> Path:
    """The file of one golden render."""
    return golden_folder(template) / task.name / f"{template.path.stem}.{n_shots}shot.txt"


def golden_outcome(renderer: Renderer, template: Template, n_shots: int, *, update: bool) -> Outcome:
    """How one golden render comes out; ``update`` writes it anew."""
    path = golden_path(template, renderer.task, n_shots)
    what = f"golden, {n_shots} shots"
    found: tuple[State, str]
    try:
        text = golden_text(renderer.render(template, n_shots))
        found = _compared(path, text, update=update)
    except PromptsciError as error:
        found = "failed", error.text()
    return Outcome(renderer.task.name, template.name, what, str(path), *found)


def _compared(path: Path, text: str, *, update: bool) -> tuple[State, str]:
    known = path.read_bytes().decode() if path.is_file() else None
    if known == text:
        return "passed", ""
    changes = diff(known, text) if known is not None else "new; read what the model will read"
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return "written", changes
    return ("changed", changes) if known is not None else ("missing", "promptsci test --update writes it")


def left_over(catalog: Catalog, tasks: Sequence[Task], *, update: bool = False) -> Iterator[Outcome]:
    """Golden files of these tasks that belong to no wording; removed when ``update``."""
    for task in tasks:
        templates = [catalog.template(wording, task) for wording in catalog.wordings(task)]
        wanted = {golden_path(template, task, k) for template in templates for k in SHOTS}
        folders = dict.fromkeys(golden_folder(template) / task.name for template in templates)
        for path in sorted(path for folder in folders for path in folder.glob("*.txt")):
            if path not in wanted:
                if update:
                    path.unlink()
                yield Outcome(task.name, "", "golden", str(path), "removed" if update else "left over")
