"""From labelled rows to lessons: what is learned of each, by the very prompt that ``run`` asks about it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from promptsci.data import Example
from promptsci.errors import TuneError
from promptsci.pipeline.prepare import Prepared
from promptsci.prompt import Query
from promptsci.spec import RELEVANT
from promptsci.tune.lesson import Lesson
from promptsci.tune.recipe import Recipe

MADE_AT_ONCE = 256
WEIGHED = ("label", "options", "relevance")
"""Forms whose right answer is one word, which class weights count."""


@dataclass(frozen=True)
class Taught:
    """What is learned from, and what the result must say of it."""

    lessons: tuple[Lesson, ...]
    notes: tuple[str, ...] = ()


def teach(prepared: Prepared, rows: Sequence[Example], recipe: Recipe) -> Taught:
    """The Lessons of labelled rows.

    Raises:
        TuneError: nothing is left to learn from, or the recipe's objective does not fit the answers.
    """
    check_objective(prepared, recipe)
    notes: list[str] = []
    if prepared.task.relevance is not None:
        rows, notes = drawn(rows, recipe.negatives, prepared.seed)
    right = prepared.questioner.assembler.right
    made = [
        Lesson(example.id, query, right(example) or (0,), weight)
        for (example, query), weight in zip(_taught(prepared, rows), _weights(rows, recipe), strict=True)
    ]
    if recipe.objective == "pairs":
        made = list(_against(made, rows, recipe, prepared.seed))
    fitting = [lesson for lesson in made if lesson.query.n_tokens() - 1 <= prepared.questioner.context]
    if len(fitting) < len(made):
        notes.append(f"{len(made) - len(fitting)} rows are too long for the model with their answer and are left out")
    if not fitting:
        raise TuneError(
            "no row is left to learn from", fix="Give more labelled rows, or a model with a longer context."
        )
    return Taught(tuple(fitting), (*notes, *_long_answers(prepared, fitting)))


def check_objective(prepared: Prepared, recipe: Recipe) -> None:
    """Nothing for an objective that the answers can be learned by.

    Raises:
        TuneError: it needs choices, documents, or labels that there are not.
    """
    task = prepared.task
    if prepared.writing is not None and recipe.objective != "lm":
        what = f"answers of task {task.name} are written, so there are no choices for objective={recipe.objective}"
        raise TuneError(what, fix="Leave objective out, or write objective=lm.")
    if recipe.objective == "pairs" and task.relevance is None:
        what = f"objective=pairs holds documents of one query against each other; task {task.name} is {task.kind}"
        raise TuneError(what, fix="Leave objective out.")
    if recipe.objective == "pairs" and recipe.smoothing:
        raise TuneError("smoothing goes to the other choices, which objective=pairs does not read", fix="Leave it out.")
    if recipe.class_weights == "balanced" and task.form not in WEIGHED:
        what = f"class_weights=balanced counts rows by their one label; task {task.name} is {task.kind}"
        raise TuneError(what, fix="Leave class_weights out.")


def _taught(prepared: Prepared, rows: Sequence[Example]) -> Iterator[tuple[Example, Query]]:
    """Yields each row with what is learned of it."""
    for start in range(0, len(rows), MADE_AT_ONCE):
        questions = prepared.questioner.questions(rows[start : start + MADE_AT_ONCE])
        for question, query in zip(questions, prepared.questioner.taught(questions), strict=True):
            yield question.example, query


def _weights(rows: Sequence[Example], recipe: Recipe) -> list[float]:
    """How much each row counts: 1, or so much that each label counts alike."""
    if recipe.class_weights == "none":
        return [1.0] * len(rows)
    counts = Counter(example.gold for example in rows)
    return [len(rows) / (len(counts) * counts[example.gold]) for example in rows]


def drawn(rows: Sequence[Example], n: int, seed: int) -> tuple[list[Example], list[str]]:
    """The relevant candidates of each query, n for each that are not, and what is to be said of the rest."""
    taken: set[str] = set()
    n_relevant = n_missed = n_without = 0
    for query, candidates in _by_query(rows).items():
        relevant, others = _divided(candidates)
        n_missed += candidates[0].known["relevant"] - len(relevant)
        n_without += not relevant
        n_relevant += len(relevant)
        taken.update(example.id for example in (*relevant, *_ranked(others, seed, query)[: n * len(relevant)]))
    found = [example for example in rows if example.id in taken]
    notes = [
        f"learned from {n_relevant} relevant candidates of the first stage and {len(found) - n_relevant} that are not, "
        f"{n} drawn for each (seed {seed})"
    ]
    if n_missed or n_without:
        notes.append(
            f"{n_missed} relevant documents that the first stage did not find are not learned from; "
            f"{n_without} queries have none among their candidates"
        )
    return found, notes


def _against(made: Sequence[Lesson], rows: Sequence[Example], recipe: Recipe, seed: int) -> Iterator[Lesson]:
    """Yields a lesson for each relevant document: it against some that are not."""
    queries = {lesson.id: lesson for lesson in made}
    for candidates in _by_query(rows).values():
        relevant, others = _divided(candidates)
        for example in relevant:
            below = _ranked(others, seed, example.id)[: recipe.negatives]
            if below:
                yield replace(queries[example.id], others=tuple(queries[other.id].query for other in below))


def _by_query(rows: Iterable[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = defaultdict(list)
    for example in rows:
        found[example.group or ""].append(example)
    return found


def _divided(candidates: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """Candidates that are relevant, and those that are not."""
    relevant, others = list[Example](), list[Example]()
    for example in candidates:
        (relevant if example.gold == RELEVANT[0] else others).append(example)
    return relevant, others


def _ranked(examples: Sequence[Example], seed: int, name: str) -> list[Example]:
    """The examples in an order that depends on the seed, a name and their ids alone."""
    return sorted(examples, key=lambda each: hashlib.sha256(f"{seed}\n{name}\n{each.id}".encode()).digest())


def _long_answers(prepared: Prepared, lessons: Sequence[Lesson]) -> list[str]:
    """What to say of right answers that ``run`` would not let the model write to their end."""
    if prepared.writing is None:
        return []
    longest, stops = prepared.writing.max_tokens, prepared.writing.stop
    n_long = sum(len(lesson.query.choice_ids[0]) > longest for lesson in lessons)
    n_stopped = sum(any(stop in lesson.query.choices[0] for stop in stops) for lesson in lessons)
    found = []
    if n_long:
        found.append(
            f"{n_long} right answers are longer than max_tokens: {longest} of the template, where run cuts them"
        )
    if n_stopped:
        found.append(
            f"{n_stopped} right answers hold a text that ends an answer in run ({', '.join(map(repr, stops))})"
        )
    return found
