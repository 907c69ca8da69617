"""A wording tried out: rendered on rows, answers and all."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import SecurityError

from promptsci.author.check.choice_rules import folded
from promptsci.author.check.data_rules import Rows
from promptsci.author.check.findings import Hit, Place, place_of
from promptsci.author.check.rules import rule, rules_of
from promptsci.author.check.sources import Wording
from promptsci.author.check.token_rules import Reading
from promptsci.data import Example, stratified
from promptsci.data.findings import short
from promptsci.errors import PromptError, PromptsciError
from promptsci.lm.context import UNBOUNDED
from promptsci.prompt import GAP, Assembler, Encoder, Pool, Prompt, Questioner, chooser
from promptsci.spec.budget import TooMuchWork

ROWS = 200
"""Rows of a split that a wording is tried out on."""
SHOTS = 8
ASKED = 40
"""Rows that shots are fitted for."""
SHARE = 0.1
"""Of the rows that may lose shots before it is said."""
SECONDS = 1.0
"""Rendering stops after so long: one row of a sound template takes a thousandth of it."""
SKEW = 1.5
"""How many times the rows of the rarest label the commonest must have for their order to tell."""


@dataclass(frozen=True)
class Trial:
    """A wording that fits its task, rows to try it on, and who reads it, where that is known.

    Attributes:
        examples: labelled rows of the data, or one that is made up.
        rows: the data; None where the example is made up.
        reading: a prompt as a model reads it.
    """

    wording: Wording
    assembler: Assembler
    examples: tuple[Example, ...]
    rows: Rows | None
    reading: Reading | None = None


def trial_rows(wording: Wording, rows: Rows | None) -> tuple[Example, ...]:
    """A sample of every split, the same each time; without data, one row of stand-ins."""
    if rows is None:
        fields: dict[str, Any] = {field: f"({field})" for field in wording.task.variables}
        options = {"choices": ["(one option)", "(another option)"]} if wording.task.options else {}
        return (Example("made up", {**fields, **options}),)
    return tuple(example for split in rows.dataset.splits.values() for example in stratified(split.examples, ROWS, 0))


def first_prompt(assembler: Assembler, examples: Sequence[Example]) -> Prompt | None:
    """The first prompt that can be made."""
    for example in examples[:3]:
        try:
            return assembler.prompt(example)
        except PromptError:
            continue
    return None


@rule("PS112", "error", "a block cannot be rendered")
def cannot_render(trial: Trial) -> Iterator[Hit]:
    """A run would stop at the first such row."""
    end = time.monotonic() + SECONDS
    for example in trial.examples:
        try:
            trial.assembler.prompt(example)
            _write_target(trial, example)
        except PromptError as error:
            if error.code != "PS209" and (trial.rows is not None or is_hostile(error)):
                yield rendering_hit(trial.wording, error, example if trial.rows is not None else None)
                return
        if time.monotonic() > end:
            return


def _write_target(trial: Trial, example: Example) -> None:
    """Renders the target of an answer that is written; those of choices are rendered with the prompt."""
    if trial.wording.is_scored:
        return
    if example.gold is not None:
        trial.assembler.target(example)
    elif trial.rows is None:
        shown = {**example.fields, **trial.assembler.answers.shown, "answer": "(answer)"}
        trial.wording.template.render("target", shown)


def rendering_hit(wording: Wording, error: PromptsciError, example: Example | None = None) -> Hit:
    """What a failed rendering is filed as."""
    of_row = f" (row {example.id})" if example is not None and example.id not in error.what else ""
    place = place_of(error, str(wording.template.path), wording.lines)
    return Hit(place, f"{error.what}{of_row}", error.fix or "Mend what the line computes.")


def is_hostile(error: PromptError) -> bool:
    """Whether a template fails whatever the row is: it works without end, or reaches for what it may not have."""
    cause = error.__cause__
    return isinstance(cause, (TooMuchWork, RecursionError, SecurityError)) or "half of a character" in error.what


@rule("PS209", "error", "answers do not parse back to their labels")
def parses_back(trial: Trial) -> Iterator[Hit]:
    """What the target block writes for a right answer must be read as that answer, and for no two choices the same."""
    wording = trial.wording
    if not wording.is_scored:
        yield from _written_back(trial)
        return
    example = trial.examples[0]
    first_with: dict[str, str] = {}
    try:
        targets = trial.assembler.targets(example)
    except PromptError as error:
        if error.code == "PS209":
            yield Hit(wording.at_start("target"), error.what, error.fix or "Write {{ choice }} as it is.")
        return
    for label, text in zip(trial.assembler.names(example), targets, strict=True):
        other = first_with.setdefault(folded(text), label)
        words = [wording.words.get(each) for each in (label, other)]
        if other != label and (None in words or folded(str(words[0])) != folded(str(words[1]))):
            what = f"the target writes '{text}' for {label}, and for {other} the same but for case or spacing"
            yield Hit(wording.at_start("target"), what, "Write {{ choice }} as it is.")


def _written_back(trial: Trial) -> Iterator[Hit]:
    """A written answer that is read as another one, or as none."""
    written = trial.assembler.answers.written
    assert written is not None, "the answer is written"
    for example in trial.examples if trial.rows is not None else ():
        if example.gold is None:
            continue
        try:
            text = trial.assembler.target(example)
        except PromptError:
            return  # PS112 speaks of it
        if trial.assembler.read(text, example) != written.read(written.write(example), example):
            what = f"the target of row {example.id}, '{short(text)}', is not read back as its right answer"
            yield Hit(trial.wording.at_start("target"), what, "Write {{ answer }} as it is.")
            return


@rule("PS214", "warning", "answers longer than max_tokens")
def cut_answers(trial: Trial) -> Iterator[Hit]:
    """An answer that is cut is not read as the right one, however good the model is."""
    reading, limit = trial.reading, trial.wording.template.front.max_tokens
    if reading is None or trial.rows is None or trial.wording.is_scored:
        return
    labelled = [example for example in trial.examples if example.gold is not None]
    answers = [reading.encoder.answer(trial.assembler.target(example)) for example in labelled]
    lengths = [len(encoding.ids) for encoding in reading.encoder.tokenizer.encode(answers)]
    longer = sum(length > limit for length in lengths)
    if longer > SHARE * len(lengths):
        what = f"{longer} of {len(lengths)} right answers are longer than {limit} tokens of {reading.reader.name}"
        fix = f"Write max_tokens: {max(lengths)} into the front matter."
        yield Hit(_front_place(trial.wording, "max_tokens"), what, fix)


@rule("PS215", "warning", "a written answer holds a blank line")
def blank_line(trial: Trial) -> Iterator[Hit]:
    """In a plain prompt a blank line ends the answer, so what the target block writes below it is never reached."""
    if trial.wording.is_scored:
        return
    target = trial.wording.template.trees["target"]
    line = next((part.lineno for part in target.find_all(nodes.TemplateData) if GAP in part.data), None)
    if line is not None:
        what = "the target block holds a blank line, which ends the answer in plain prompts"
        yield Hit(trial.wording.at(line), what, "Write the answer as one paragraph.")


def _front_place(wording: Wording, key: str) -> Place:
    file, line, column = wording.template.document.where((key,)).rsplit(":", 2)
    return Place(file, int(line), int(column))


@rule("PS210", "warning", "the instruction names some choices and not others")
def some_are_named(trial: Trial) -> Iterator[Hit]:
    """A model that is given a list of answers rarely gives one that is not on it."""
    places = _named(trial)
    left_out = [label for label in trial.wording.task.labels if label not in places]
    if left_out and len(places) >= 2 and len(left_out) < len(places):
        words = ", ".join(f"'{trial.wording.words[label]}'" for label in left_out)
        n_labels = len(trial.wording.task.labels)
        yield Hit(
            trial.wording.at_start("instruction"),
            f"the instruction names {len(places)} of {n_labels} choices, but not {words}",
            "Write {{ choices | join(', ') }}, or name them all.",
        )


@rule("PS211", "warning", "the instruction lists the choices by frequency")
def by_frequency(trial: Trial) -> Iterator[Hit]:
    """Models lean to what stands first or last in a list; an order that follows the counts gives them away."""
    rows = trial.rows
    split = rows.dataset.splits.get("train") or next(iter(rows.dataset.splits.values())) if rows is not None else None
    if rows is None or split is None:
        return
    counts = rows.integrity.splits[split.name].labels
    places = _named(trial)
    order = sorted(places, key=places.__getitem__)
    numbers = [counts.get(label, 0) for label in order]
    if len(order) < 3 or len(set(numbers)) < len(numbers) or max(numbers) < SKEW * max(1, min(numbers)):
        return
    if numbers in (sorted(numbers), sorted(numbers, reverse=True)):
        which = "rarest to commonest" if numbers == sorted(numbers) else "commonest to rarest"
        what = f"the instruction lists the choices from {which} in {split.name}"
        yield Hit(trial.wording.at_start("instruction"), what, "List them in another order, such as by the alphabet.")


def _named(trial: Trial) -> dict[str, int]:
    """Label -> where its words first stand in the instruction; longer words hide shorter ones within them."""
    text = folded(trial.assembler.instruction)
    places: dict[str, int] = {}
    for label, words in sorted(trial.wording.words.items(), key=lambda pair: -len(pair[1])):
        found = re.search(rf"(?<!\w){re.escape(folded(words))}(?!\w)", text)
        if found is not None:
            places[label] = found.start()
            text = text[: found.start()] + "\0" * len(found[0]) + text[found.end() :]
    return places


@rule("PS307", "error", "a row does not fit the context")
def too_long(trial: Trial) -> Iterator[Hit]:
    """A run would be refused: instruction and query are never cut."""
    questioner = _questioner(trial, 0)
    if questioner is None or trial.rows is None:
        return
    problems = questioner.check([each for split in trial.rows.dataset.splits.values() for each in split.examples])
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        yield Hit(trial.wording.at_start("input"), f"{problems[0].what}{more}", problems[0].fix)


@rule("PS308", "warning", "shots do not fit the context")
def shots_too_long(trial: Trial) -> Iterator[Hit]:
    """Shots that do not fit are left out, so that rows are asked in different ways."""
    shots = trial.wording.task.shots
    k = len(shots.ids) if shots.choose == "fixed" else SHOTS
    try:
        questioner = _questioner(trial, k)
        questions = questioner.questions(trial.examples[-ASKED:]) if questioner is not None else []
    except PromptsciError:
        return  # rows that cannot be asked at all, and pools that are too small, have codes of their own
    short = [question for question in questions if question.n_dropped]
    if questioner is not None and len(short) > SHARE * len(questions):
        least = min(len(question.shots) for question in short)
        yield Hit(
            trial.wording.at_start("input"),
            f"{k} shots do not fit the {questioner.context:,} tokens of {_name(trial)} in {len(short)} of "
            f"{len(questions)} rows; {least} fit in all",
            f"Use --shots {least} or fewer, shorter shots, or a model with a longer context.",
        )


def _name(trial: Trial) -> str:
    assert trial.reading is not None, "only a model has a context"
    return trial.reading.reader.name


def _questioner(trial: Trial, k: int) -> Questioner | None:
    """Who makes prompts with k shots; None where no model's context is known."""
    reading, rows, task = trial.reading, trial.rows, trial.wording.task
    if reading is None or rows is None or reading.reader.context == UNBOUNDED:
        return None
    pool = rows.dataset.splits.get(task.shots.from_)
    rule_ = "random" if task.shots.choose == "similar" else task.shots.choose
    chosen = chooser(rule_, Pool(pool.examples if pool is not None else (), task.labels), k, 0, task)
    encoder = Encoder(reading.reader.tokenizer, reading.encoder.format)
    room = 0 if trial.wording.is_scored else trial.wording.template.front.max_tokens
    return Questioner(trial.assembler, encoder, chosen, reading.reader.context, room)


RULES = rules_of(globals())
