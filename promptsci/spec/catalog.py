"""Where tasks and templates are found: the user's own folders first, then what is shipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from promptsci.errors import SpecError, did_you_mean
from promptsci.spec.task import Task, read_task
from promptsci.spec.template import Template, read_template


def shipped_root() -> Path:
    """The folder with the shipped ``tasks/`` and ``templates/``: inside an installed wheel, or the checkout's top."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_catalog"
    return installed if installed.is_dir() else package.parent


@dataclass(frozen=True)
class Catalog:
    """Tasks and templates by name; earlier roots win."""

    roots: tuple[Path, ...]

    @classmethod
    def standard(cls, *extra: Path) -> Catalog:
        """The given folders, the current folder, then what is shipped."""
        return cls((*extra, Path.cwd(), shipped_root()))

    def task_names(self) -> list[str]:
        """Names of all tasks, sorted."""
        return sorted({path.parent.name for root in self.roots for path in (root / "tasks").glob("*/task.yaml")})

    def task(self, name: str) -> Task:
        """The task of that name, or in that file.

        Raises:
            SpecError: there is none; the nearest spelling is given.
        """
        if name.endswith((".yaml", ".yml")) or "/" in name:
            path = Path(name)
            return read_task(path / "task.yaml" if path.is_dir() else path)
        for root in self.roots:
            path = root / "tasks" / name / "task.yaml"
            if path.is_file():
                return read_task(path)
        raise SpecError(f"there is no task '{name}'", fix=did_you_mean(name, self.task_names()))

    def wordings(self, task: Task) -> dict[str, Path]:
        """Wording name -> file, for every template of a task."""
        found: dict[str, Path] = {}
        for root in self.roots:
            for path in sorted((root / "templates" / (task.templates or task.name)).glob("*.jinja")):
                found.setdefault(path.stem, path)
        return dict(sorted(found.items()))

    def template(self, name: str | None, task: Task) -> Template:
        """The template called ``wording``, ``folder/wording`` or standing in a file; without a name, ``plain``.

        Raises:
            SpecError: there is none; the nearest spelling is given.
        """
        if name is not None and name.endswith(".jinja"):
            return read_template(Path(name))
        wordings = self.wordings(task)
        wanted = "plain" if name is None else name
        if wanted in wordings:
            return read_template(wordings[wanted], f"{wordings[wanted].parent.name}/{wanted}")
        if "/" in wanted:
            for root in self.roots:
                path = root / "templates" / f"{wanted}.jinja"
                if path.is_file():
                    return read_template(path, wanted)
        if not wordings:
            raise SpecError(f"task {task.name} has no templates", fix=f"Write templates/{task.name}/plain.jinja.")
        raise SpecError(f"task {task.name} has no template '{wanted}'", fix=did_you_mean(wanted, wordings))
