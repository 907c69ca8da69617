"""Whether a template can say a task: variables, the words of labels, and how answers are given."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from promptsci.errors import PromptsciError, SpecError, did_you_mean, raise_all
from promptsci.spec.catalog import Catalog
from promptsci.spec.task import Task
from promptsci.spec.template import Template


def check_fit(template: Template, task: Task) -> None:
    """Nothing when the template can say this task; otherwise raises every reason why not, each with its line."""
    raise_all(
        [
            *_variable_problems(template, task),
            *_answer_problems(template, task),
            *_label_problems(template, task),
            *_choice_problems(template, task),
            *_number_problems(template, task),
            *_writing_problems(template, task),
        ]
    )


def fitting_template(name: str | None, catalog: Catalog, task: Task) -> Template:
    """The template of that name, which can say the task.

    Raises:
        SpecError: there is none of that name, or one reason why it does not fit.
        Problems: several reasons.
    """
    template = catalog.template(name, task)
    check_fit(template, task)
    return template


def allowed_variables(task: Task) -> dict[str, list[str]]:
    """Block -> the variables that it may use."""
    form = task.answers
    shown = [*form.shown, *form.row, *task.variables]
    return {"instruction": [*form.shown], "input": shown, "target": [*form.shown, *form.row, *form.answers,
                                                                    *task.variables]}  # fmt: skip


def _variable_problems(template: Template, task: Task) -> Iterator[PromptsciError]:
    allowed = allowed_variables(task)
    for block, tree in template.trees.items():
        for name in sorted(template.variables(block) - set(allowed[block])):
            line = next(node.lineno for node in tree.find_all(nodes.Name) if node.name == name)
            where = f"{template.path}:{line}"
            if name in allowed["target"] or name == "choice":
                what, code = f"the {block} block cannot see '{name}'", "PS102"
                fix = f"It may use: {', '.join(allowed[block])}."
            else:
                what, code = f"the template uses '{name}', which task {task.name} does not have", "PS101"
                near = did_you_mean(name, task.variables)
                fix = f"Fields: {', '.join(task.variables)}." + (f"  {near}" if near.startswith("Did") else "")
            yield SpecError(what, where=where, fix=fix, code=code)


def _answer_problems(template: Template, task: Task) -> Iterator[PromptsciError]:
    answers = task.answers.answers
    if not template.variables("target") & set(answers):
        why = "every example would have the same answer" if template.writes(task) else _SAME_ANSWER
        what = f"the target block does not use {' or '.join(map(repr, answers))}, so {why}"
        where = f"{template.path}:{template.trees['target'].lineno}"
        fix = f"Write {{{{ {answers[0]} }}}} where the answer stands."
        yield SpecError(what, where=where, fix=fix, code="PS103")


def _label_problems(template: Template, task: Task) -> Iterator[PromptsciError]:
    """Labels are a list that is written, or each is asked by itself: never half of one and half of the other."""
    used = template.variables("target") & set(task.answers.answers)
    if task.form == "labels" and used not in (set(), {"answer"}, {"label", "choice"}):
        what = f"the target block of a {task.kind} task cannot use {' and '.join(map(repr, sorted(used)))} alone"
        where = f"{template.path}:{template.trees['target'].lineno}"
        fix = "Write {{ answer }} for a list of labels, or {{ label }} and {{ choice }} to ask each label by itself."
        yield SpecError(what, where=where, fix=fix, code="PS103")


_SAME_ANSWER = "every label would have the same answer"


def _choice_problems(template: Template, task: Task) -> Iterator[PromptsciError]:
    given = template.front.choices
    where = template.document.where
    if given and not task.labels:
        what = f"choices: task {task.name} ({task.kind}) has no labels that need words"
        yield SpecError(what, where=where(("choices",)), fix="Remove choices.", code="PS201")
        return
    for label in given:
        if label not in task.labels:
            what = f"choices: '{label}' is not a label of task {task.name}"
            fix = did_you_mean(label, task.labels)
            yield SpecError(what, where=where(("choices", label)), fix=fix, code="PS201")
    for label in task.labels:
        if given and label not in given:
            what = f"choices: label '{label}' of task {task.name} has no words"
            fix = f"Add a line '{label}: ...' under choices."
            yield SpecError(what, where=where(("choices",)), fix=fix, code="PS202")
    first_with: dict[str, str] = {}
    for label, words in template.words(task.labels).items():
        other = first_with.setdefault(words, label)
        if other != label:
            what = f"choices: {other} and {label} have the same words '{words}'"
            fix = "Give each label words of its own."
            yield SpecError(what, where=where(("choices", label)), fix=fix, code="PS203")


def _number_problems(template: Template, task: Task) -> Iterator[PromptsciError]:
    numbers, number = template.front.numbers, task.number
    where = template.document.where(("numbers",))
    if numbers and number is None:
        yield SpecError(f"numbers: a {task.kind} task has none", where=where, code="PS212", fix="Remove numbers.")
    elif number is not None and numbers:
        written = [number.written(each) for each in numbers]
        outside = [each for each in numbers if not number.low <= each <= number.high]
        if len(numbers) < 2 or len(set(written)) < len(written):
            what = f"numbers: give two or more that differ when written with {number.decimals} decimals"
            yield SpecError(what, where=where, code="PS212")
        if outside:
            what = f"numbers: {outside[0]:g} lies outside {number.low:g} to {number.high:g}"
            yield SpecError(
                what, where=where, code="PS212", fix="The range stands in task.yaml under number: low, high."
            )


def _writing_problems(template: Template, task: Task) -> Iterator[PromptsciError]:
    given = template.front.model_fields_set
    for key in ("stop", "max_tokens"):
        if key in given and not template.writes(task):
            what = f"{key}: nothing is written in this template, its choices are scored"
            yield SpecError(what, where=template.document.where((key,)), fix=f"Remove {key}.", code="PS213")
