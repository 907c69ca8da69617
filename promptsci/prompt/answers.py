"""What the target block says for each form of answer: choices to score, or an answer to write. The one such place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from promptsci.data import LETTERS, Example
from promptsci.data.written import WrittenForm, written_form
from promptsci.spec import RELEVANT, Task, Template
from promptsci.spec.forms import Number, said_of

Variables = Mapping[str, Any]


class Answers(Protocol):
    """What the blocks of a template are told beside the fields."""

    @property
    def shown(self) -> Variables:
        """What all blocks see."""
        ...

    @property
    def written(self) -> WrittenForm | None:
        """How answers are written and read; None where choices are scored."""
        ...

    @property
    def same(self) -> bool:
        """Whether all examples have the same choices."""
        ...

    def row(self, example: Example) -> Variables:
        """What the input and target blocks see of an example beside its fields."""
        ...

    def choices(self, example: Example) -> Mapping[str, Variables]:
        """Name of each choice -> what the target block sees of it; none where the answer is written."""
        ...

    def right(self, example: Example) -> tuple[str, ...]:
        """Names of the right choices of a labelled example, one of each group; none where the answer is written."""
        ...


class SameChoices:
    """Choices that all examples have, of which nothing but the target block needs to know.

    Args:
        shown: what all blocks see.
        choices: name of each choice -> what the target block sees of it.
    """

    written = None
    same = True

    def __init__(self, shown: Variables, choices: Mapping[str, Variables]) -> None:
        self.shown = shown
        self._choices = choices

    def row(self, example: Example) -> Variables:  # noqa: ARG002 - the protocol's shape
        """Nothing."""
        return {}

    def choices(self, example: Example) -> Mapping[str, Variables]:  # noqa: ARG002 - the protocol's shape
        """The choices."""
        return self._choices


class LabelChoices(SameChoices):
    """A fixed set of labels, by their words."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__({"choices": list(words.values())}, {label: {"choice": word} for label, word in words.items()})

    def right(self, example: Example) -> tuple[str, ...]:
        """The label."""
        assert example.gold is not None, "only labelled examples have a target"
        return (example.gold,)


class LabelQuestions(SameChoices):
    """Any number of labels, each asked by itself: yes or no; the target block sees the label's words and the answer."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.labels = tuple(words)
        choices = {
            said_of(label, said): {"label": word, "choice": said} for label, word in words.items() for said in RELEVANT
        }
        super().__init__({"choices": list(words.values())}, choices)

    def right(self, example: Example) -> tuple[str, ...]:
        """Yes or no for each label."""
        assert example.gold is not None, "only labelled examples have a target"
        return tuple(said_of(label, RELEVANT[label not in example.gold]) for label in self.labels)


class OptionChoices:
    """The options of the row, by letter; the target block shows an option's letter or its text."""

    shown: Variables = {}  # noqa: RUF012 - never written to
    written = None
    same = False

    def row(self, example: Example) -> Variables:
        """The options and their letters."""
        options = example.fields["choices"]
        return {"choices": options, "letters": list(LETTERS[: len(options)])}

    def choices(self, example: Example) -> Mapping[str, Variables]:
        """Letter -> letter and text of the option."""
        return {
            letter: {"letter": letter, "choice": option}
            for letter, option in zip(LETTERS, example.fields["choices"], strict=False)
        }

    def right(self, example: Example) -> tuple[str, ...]:
        """The letter of the right option."""
        assert example.gold is not None, "only labelled examples have a target"
        return (example.gold,)


class NumberChoices(SameChoices):
    """Numbers on a scale, each a choice; the right one is the nearest to the right number, of two the lower."""

    def __init__(self, number: Number, scale: list[float]) -> None:
        self.scale = sorted(scale)
        self.number = number
        written = [number.written(each) for each in self.scale]
        super().__init__({**_range(number), "choices": written}, {each: {"answer": each} for each in written})

    def right(self, example: Example) -> tuple[str, ...]:
        """The nearest number of the scale."""
        gold = example.gold
        assert gold is not None, "only labelled examples have a target"
        return (self.number.written(min(self.scale, key=lambda each: abs(each - gold))),)


class WrittenAnswer:
    """An answer that the model writes."""

    same = True

    def __init__(self, written: WrittenForm, shown: Variables) -> None:
        self.written = written
        self.shown = shown

    def row(self, example: Example) -> Variables:  # noqa: ARG002 - the protocol's shape
        """Nothing."""
        return {}

    def choices(self, example: Example) -> Mapping[str, Variables]:  # noqa: ARG002 - the protocol's shape
        """Nothing."""
        return {}

    def right(self, example: Example) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's shape
        """Nothing: there is no choice."""
        return ()


def _range(number: Number) -> dict[str, Any]:
    return {"low": number.written(number.low), "high": number.written(number.high)}


def answers_of(task: Task, template: Template) -> Answers:
    """What a template's blocks are told about a task's answers."""
    return _ANSWERS[task.form](task, template)


def _number(task: Task, template: Template) -> Answers:
    number = task.number
    assert number is not None
    if template.front.numbers:
        return NumberChoices(number, template.front.numbers)
    return WrittenAnswer(written_form(task, {}), {**_range(number), "choices": []})


def _written(task: Task, template: Template) -> Answers:
    words = template.words(task.labels)
    written = written_form(task, words)
    everything = {
        "choices": list(words.values()),
        "schema": written.schema(),
        "separator": task.phrases.separator if task.phrases else None,
    }
    return WrittenAnswer(written, {name: everything[name] for name in task.answers.shown})


def _labels(task: Task, template: Template) -> Answers:
    return LabelChoices(template.words(task.labels))


def _label_set(task: Task, template: Template) -> Answers:
    words = template.words(task.labels)
    return LabelQuestions(words) if template.asks_each(task) else _written(task, template)


_ANSWERS: Mapping[str, Callable[[Task, Template], Answers]] = {
    "label": _labels,
    "labels": _label_set,
    "options": lambda _task, _template: OptionChoices(),
    "number": _number,
    "spans": _written,
    "record": _written,
    "references": _written,
    "phrases": _written,
    "relevance": _labels,
}
