"""The ``expect`` cases of a template's front matter: what the prompt of one row must say."""

from __future__ import annotations

from promptsci.author.outcome import Outcome, State, diff
from promptsci.author.render import Renderer
from promptsci.data import Example, read_dataset
from promptsci.errors import DataError, PromptsciError, SpecError, did_you_mean
from promptsci.spec import Expectation, Template


def expectations(renderer: Renderer, template: Template) -> list[Outcome]:
    """How each case comes out for the renderer's task.

    A case that names a row by its id speaks of the task that the template's folder is named after, and is left to it.
    """
    own = renderer.task.name == template.path.parent.name
    return [
        _outcome(renderer, template, number, case)
        for number, case in enumerate(template.front.expect)
        if case.row is not None or own
    ]


def _outcome(renderer: Renderer, template: Template, number: int, case: Expectation) -> Outcome:
    where = template.document.where(("expect", number))
    try:
        text = renderer.render(template, case.shots, _query(renderer, case, where)).prompt.plain()
        problem = _problem(case, text)
    except PromptsciError as error:
        problem = error.text()
    state: State = "failed" if problem else "passed"
    return Outcome(renderer.task.name, template.name, f"expect {number + 1}", where, state, problem)


def _query(renderer: Renderer, case: Expectation, where: str) -> Example:
    """The row that a case speaks of."""
    task = renderer.task
    if case.row is not None:
        for name in case.row:
            if name not in task.variables:
                what = f"expect: '{name}' is not a field of task {task.name}"
                raise SpecError(what, where=where, fix=did_you_mean(name, task.variables))
        missing = [name for name in task.variables if name not in case.row]
        if missing:
            raise SpecError(f"expect: the row has no '{missing[0]}'", where=where, fix="Give every field of the task.")
        return Example("expect", {name: case.row[name] for name in task.variables})
    if renderer.source is None:
        what = f"expect: task {task.name} has no bundled rows to find the id '{case.id}' in"
        raise DataError(what, where=where, fix="Write the row out: row: {field: text}.")
    rows = read_dataset(task, renderer.source, needed=[case.split]).split(case.split).examples
    found = next((row for row in rows if row.id == case.id), None)
    if found is None:
        what = f"expect: no row of {case.split} has the id '{case.id}'"
        raise DataError(what, where=where, fix=did_you_mean(str(case.id), [row.id for row in rows[:200]]))
    return found


def _problem(case: Expectation, text: str) -> str:
    """What the prompt should say and does not; '' when it says all."""
    if case.equals is not None and case.equals != text:
        return "the prompt is another one:\n" + diff(case.equals, text)
    if case.contains is not None and case.contains not in text:
        return f"the prompt does not contain {case.contains!r}:\n{text}"
    if case.lacks is not None and case.lacks in text:
        return f"the prompt contains {case.lacks!r}:\n{text}"
    return ""
