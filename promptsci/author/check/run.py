"""The story of check: every task and template asked for, from reading the file to trying it on rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from promptsci.author.check import choice_rules, data_rules, task_rules, template_rules, token_rules, trial_rules
from promptsci.author.check.codes import CODES
from promptsci.author.check.data_rules import Rows
from promptsci.author.check.findings import SEVERITIES, Finding, Place, Severity, place_of
from promptsci.author.check.rules import Rule
from promptsci.author.check.sources import Silence, TaskFile, Wording, lines_of, read_task_file
from promptsci.author.check.token_rules import Reading, read_prompt
from promptsci.author.check.trial_rules import Trial, first_prompt, rendering_hit, trial_rows
from promptsci.data import read_dataset
from promptsci.errors import PromptError, PromptsciError, SpecError, did_you_mean, singles
from promptsci.lm import Reader
from promptsci.prompt import Assembler
from promptsci.spec import Catalog, Template, check_fit, read_template

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What is to be checked; None stands for everything there is.

    Attributes:
        task: name or path.
        template: wording, ``folder/wording`` or path.
        data: source, path, URL or Hub id; without it the rows that lie beside a task are looked at.
        read_data: whether rows are looked at.
        reader: the model whose tokenizer the token rules ask; None leaves them out.
    """

    task: str | None = None
    template: str | None = None
    data: str | None = None
    read_data: bool = True
    reader: Reader | None = None


@dataclass
class Report:
    """What was found, and what was looked at.

    Attributes:
        findings: in the order of files and lines.
        silenced: findings that a comment silences.
        tasks: files of tasks looked at.
        templates: files of templates looked at.
        rows: rows looked at.
        reader: whose tokenizer was asked.
        notes: what was not looked at, and why.
    """

    findings: list[Finding] = field(default_factory=list)
    silenced: int = 0
    tasks: int = 0
    templates: int = 0
    rows: int = 0
    reader: str | None = None
    notes: list[str] = field(default_factory=list)

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def fails(self, at: Severity) -> bool:
        """Whether there is a finding of this severity, or a graver one."""
        grave = SEVERITIES[: SEVERITIES.index(at) + 1]
        return any(finding.severity in grave for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        counts = {severity: self.count(severity) for severity in SEVERITIES}
        looked_at = {
            name: getattr(self, name) for name in ("tasks", "templates", "rows", "reader", "silenced", "notes")
        }
        return {"findings": [finding.to_json() for finding in self.findings], "counts": counts, **looked_at}


def check(catalog: Catalog, request: Request) -> Report:
    """All that is wrong with the tasks and templates asked for.

    Raises:
        SpecError: there is no task or template of the name asked for.
        DataError: there is no data of that name.
    """
    return _Check(catalog, request).report()


def _fits(wording: Wording) -> bool:
    check_fit(wording.template, wording.task)
    return True


class _Check:
    """One call of check: what was read, so that each file is read once, and what was found."""

    def __init__(self, catalog: Catalog, request: Request) -> None:
        self.catalog = catalog
        self.request = request
        self._found: set[Finding] = set()
        self._rows = 0
        self._notes: list[str] = []
        self._lines: dict[Path, tuple[str, ...] | None] = {}
        self._tasks: dict[Path, TaskFile | None] = {}
        self._templates: dict[Path, Template | None] = {}

    def report(self) -> Report:
        """Looks at everything asked for."""
        for path in self._task_paths():
            self._task(path)
        if self.request.template is not None and self.request.task is None:
            self._lone_templates([self._template_path(self.request.template)])
        elif self.request.task is None:
            self._lone_templates(self.catalog.template_paths().values())
        files = [Silence(str(path), lines) for path, lines in self._lines.items() if lines is not None]
        for silence in files:
            for place, code in silence.unknown(set(CODES)):
                self._add("PS009", place, f"there is no code {code}", "See docs/check.md, or remove the comment.")
        heard = [finding for finding in self._found if not any(silence.covers(finding) for silence in files)]
        reader = self.request.reader
        return Report(
            findings=sorted(heard, key=lambda finding: (finding.place, finding.code, finding.what)),
            silenced=len(self._found) - len(heard),
            tasks=len(self._tasks),
            templates=len(self._templates),
            rows=self._rows,
            reader=reader.name if reader is not None else None,
            notes=self._notes,
        )

    def _task_paths(self) -> list[Path]:
        """The task asked for; of a template alone, the tasks that it says; otherwise all."""
        if self.request.task is not None:
            return [self.catalog.task_path(self.request.task)]
        paths = [self.catalog.task_path(name) for name in self.catalog.task_names()]
        if self.request.template is None:
            return paths
        folder = self._template_path(self.request.template).resolve().parent.name
        read = {path: self._read_task(path) for path in paths}
        return [path for path, asked in read.items() if asked and (asked.task.templates or asked.task.name) == folder]

    def _template_path(self, name: str) -> Path:
        """The file of a template named without its task."""
        if name.endswith(".jinja"):
            return Path(name)
        known = self.catalog.template_paths()
        if name not in known:
            raise SpecError(f"there is no template '{name}'", fix=did_you_mean(name, known))
        return known[name]

    def _task(self, path: Path) -> None:
        asked = self._read_task(path)
        if asked is None:
            return
        self._apply(task_rules.RULES, asked)
        rows = self._read_rows(asked)
        if rows is not None:
            self._apply(data_rules.RULES, rows)
        wordings = list(self.catalog.wordings(asked.task).values())
        named = self.request.template
        if named is not None:
            is_its_own = self.request.task is not None
            wordings = [self.catalog.wording_path(named, asked.task) if is_its_own else self._template_path(named)]
        if not wordings:
            fix = f"Write templates/{asked.task.name}/plain.jinja."
            self._add("PS010", asked.at(), f"task {asked.task.name} has no template", fix)
        for each in wordings:
            template = self._read_template(each)
            if template is not None:
                self._wording(Wording(template, asked, self._lines[each] or ()), rows)

    def _wording(self, wording: Wording, rows: Rows | None) -> None:
        """Looks at one template of one task; a template that does not fit is not tried out."""
        fits = self._attempt(wording.template.path, lambda: _fits(wording))
        self._apply((rule for rule in template_rules.RULES if fits or rule not in template_rules.OF_A_FITTING), wording)
        self._apply(choice_rules.RULES, wording)
        if not fits:
            return
        try:
            assembler = Assembler(wording.task, wording.template)
        except PromptsciError as error:  # also a JSON Schema beside the task that cannot be read
            for one in singles(error):
                hit = rendering_hit(wording, one)
                self._add("PS112" if isinstance(one, PromptError) else "PS003", hit.place, hit.what, hit.fix)
            return
        trial = Trial(wording, assembler, trial_rows(wording, rows), rows)
        before = len(self._found)
        self._apply([trial_rules.cannot_render, trial_rules.parses_back], trial)
        if len(self._found) > before:
            return
        reading = self._read_prompt(trial)
        if reading is not None:
            self._apply(token_rules.RULES, reading)
        rest = [rule for rule in trial_rules.RULES if rule not in (trial_rules.cannot_render, trial_rules.parses_back)]
        self._apply(rest, Trial(wording, assembler, trial.examples, rows, reading))

    def _read_prompt(self, trial: Trial) -> Reading | None:
        reader, wording = self.request.reader, trial.wording
        if reader is None:
            return None
        prompt = first_prompt(trial.assembler, trial.examples)
        if prompt is None:
            self._notes.append(f"tokens of {wording.template.name}: no row at hand that it can show; give data=")
            return None
        try:
            names = trial.assembler.names(trial.examples[0]) if trial.assembler.answers.same else ()
            return read_prompt(wording, reader, prompt, names)
        except PromptsciError as error:
            self._add("PS309", wording.at(1), f"{reader.name}: {error.what}", error.fix)
            return None

    def _lone_templates(self, paths: Iterable[Path]) -> None:
        """Reads the templates that no task has led to."""
        folders = {path.parent.name for path, asked in self._tasks.items() if asked is None}  # broken tasks
        for path in paths:
            if path not in self._templates and self._read_template(path) and path.resolve().parent.name not in folders:
                what = f"no task says the templates in folder '{path.resolve().parent.name}'"
                fix = "Name the folder after the task, or as 'templates: ...' in its task.yaml."
                self._add("PS008", Place(str(path)), what, fix)

    def _read_task(self, path: Path) -> TaskFile | None:
        if path not in self._tasks:
            self._lines[path] = self._attempt(path, lambda: lines_of(path))
            self._tasks[path] = self._attempt(path, lambda: read_task_file(path)) if self._lines[path] else None
        return self._tasks[path]

    def _read_template(self, path: Path) -> Template | None:
        if path not in self._templates:
            self._lines[path] = self._attempt(path, lambda: lines_of(path))
            self._templates[path] = self._attempt(path, lambda: read_template(path)) if self._lines[path] else None
        return self._templates[path]

    def _read_rows(self, asked: TaskFile) -> Rows | None:
        """The rows given as ``data=``, or those that lie beside the task."""
        if not self.request.read_data:
            return None
        name = self.request.data
        beside = next((name for name, source in asked.task.data.items() if source.files), None)
        if name is None and beside is None:
            self._notes.append(f"data of {asked.task.name}: not beside the task; give data= to look at it")
            return None
        try:
            rows = Rows(asked, read_dataset(asked.task, name or beside))
        except PromptsciError as error:
            for one in singles(error):
                self._add("PS401", place_of(one, str(asked.path)), one.what, one.fix)
            return None
        self._rows += sum(len(split.examples) for split in rows.dataset.splits.values())
        return rows

    def _attempt(self, path: Path, read: Callable[[], T]) -> T | None:
        """What reading gives; what it raises is a finding."""
        try:
            return read()
        except PromptsciError as error:
            for one in singles(error):
                lines = self._lines.get(path) or ()
                self._add(one.code or "PS003", place_of(one, str(path), lines), one.what, one.fix)
            return None

    def _apply(self, rules: Iterable[Rule[Any]], subject: Any) -> None:
        for rule in rules:
            self._found.update(rule.findings(subject))

    def _add(self, code: str, place: Place, what: str, fix: str | None) -> None:
        self._found.add(Finding(place, code, CODES[code].severity, what, fix))
