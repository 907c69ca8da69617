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
        return read_task(self.task_path(name))

    def task_path(self, name: str) -> Path:
        """The file of the task of that name, or the file named.

        Raises:
            SpecError: there is no task of that name; the nearest spelling is given.
        """
        if name.endswith((".yaml", ".yml")) or "/" in name:
            path = Path(name)
            return path / "task.yaml" if path.is_dir() else path
        for root in self.roots:
            path = root / "tasks" / name / "task.yaml"
            if path.is_file():
                return path
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
        path = self.wording_path("plain" if name is None else name, task)
        named = name is not None and name.endswith(".jinja")
        return read_template(path, None if named else f"{path.parent.name}/{path.stem}")

    def wording_path(self, name: str, task: Task) -> Path:
        """The file of a template, named as ``template`` takes it.

        Raises:
            SpecError: there is none; the nearest spelling is given.
        """
        if name.endswith(".jinja"):
            return Path(name)
        wordings = self.wordings(task)
        if name in wordings:
            return wordings[name]
        for root in self.roots if "/" in name else ():
            if (root / "templates" / f"{name}.jinja").is_file():
                return root / "templates" / f"{name}.jinja"
        if not wordings:
            raise SpecError(f"task {task.name} has no templates", fix=f"Write templates/{task.name}/plain.jinja.")
        raise SpecError(f"task {task.name} has no template '{name}'", fix=did_you_mean(name, wordings))

    def template_paths(self) -> dict[str, Path]:
        """``folder/wording`` -> file, for every template."""
        found: dict[str, Path] = {}
        for root in self.roots:
            for path in sorted((root / "templates").glob("*/*.jinja")):
                found.setdefault(f"{path.parent.name}/{path.stem}", path)
        return dict(sorted(found.items()))
