"""What several tasks bring to one training, and earlier ones to a later: lessons, and what the result must say."""

from __future__ import annotations

from collections.abc import Sequence

from promptsci.data import Example, text_key
from promptsci.pipeline.chain import Earlier, named
from promptsci.pipeline.prepare import Prepared
from promptsci.pipeline.subject import Subject
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import Recipe


def mixed_lessons(subjects: Sequence[Subject], recipe: Recipe) -> tuple[Lesson, ...]:
    """Of all tasks, told apart by their names where there are several."""
    if len(subjects) == 1:
        return subjects[0].lessons
    share = recipe.mix == "equal"
    return tuple(lesson for one in subjects for lesson in named(one.lessons, one.name, share=share))


def notes_of(subjects: Sequence[Subject]) -> list[str]:
    """What the result must say of each task, its name before it where there are several."""
    if len(subjects) == 1:
        return list(subjects[0].notes)
    return [f"{one.name}: {note}" for one in subjects for note in one.notes]


def said_of_mix(subjects: Sequence[Subject], recipe: Recipe) -> list[str]:
    """What the result must say of tasks that are learned together."""
    if len(subjects) == 1:
        return []
    sizes = ", ".join(f"{one.name} {len(one.lessons)}" for one in subjects)
    rule = "equal shares of every step" if recipe.mix == "equal" else "as many as there are rows"
    return [
        f"{len(subjects)} tasks are learned together (lessons: {sizes}), {rule} (mix={recipe.mix}); the mean of their "
        "main metrics on validation decides which weights are the best"
    ]


def said_of_objective(runs: Sequence[Prepared]) -> list[str]:
    """What the result must say where some of the tasks have their answers written, and others choices to score."""
    written = dict.fromkeys(run.task.name for run in runs if run.writing is not None)
    if not written or all(run.writing is not None for run in runs):
        return []
    return [f"answers of {', '.join(written)} are written, so all tasks are learned by objective=lm"]


def said_of_earlier(kept: Earlier, subjects: Sequence[Subject]) -> list[str]:
    """What the result must say of earlier tasks."""
    found = list(kept.notes)
    counts = ", ".join(f"{len(one.rows)} of {one.name}" for one in kept.subjects if one.rows)
    if counts:
        found.append(f"kept of earlier tasks' train rows: {counts}")
    learned = [text_key(row) for one in subjects for row in one.rows]
    for one in kept.left:
        frozen = {text_key(row) for row in _scored(one)}
        n = sum(text in frozen for text in learned)
        if n:
            found.append(f"{n} rows that are learned from have the text of a row of {one.name} {one.run.split}")
    return found


def _scored(one: Subject) -> tuple[Example, ...]:
    """All rows of the split that a task is judged by."""
    return one.run.dataset.split(one.run.split).examples
